"""A proxy in front of a real server that does to connections what networks do.

    with FaultProxy(server.host, server.port) as proxy:
        connection = psycopg.connect(server.url_at(proxy.port))
        proxy.half_open()  # a firewall forgot the connection, and told nobody

It also counts round trips. Its methods may be called from any thread, and return when the thing is done.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from pingpool.testing.ports import LOOPBACK, free_port

T = TypeVar("T")

AT_A_TIME = 65_536
"""The most bytes that are passed on as one piece."""


class Link:
    """One client's connection, and its connection to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.asking = False  # whether the client spoke last
        self.forgotten = False  # whether the server's side is gone without the client knowing
        self.task: asyncio.Task[None] | None = None
        self.idle: asyncio.TimerHandle | None = None  # what will happen if nothing passes any more

    def forget(self) -> None:
        """End the connection to the server without telling the client; what it still sends is lost."""
        self.forgotten = True
        finish(self.server)

    def part(self, parting: Callable[[socket.socket], None]) -> None:
        """End both sides in this way, and pass nothing on any more."""
        parting(self.client)
        parting(self.server)
        if self.task is not None:
            self.task.cancel()


class FaultProxy:
    """Passes on what comes to its own `host`:`port` to another host and port.

    A server that is down shows as connections that are reset. Up is towards the server, down towards the client. The
    counters only grow: `accepted` connections, `bytes_up`, `bytes_down`, and `round_trips`: how often the server's
    side answered.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self.accepted = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self.round_trips = 0
        self.lead_to(host, port)
        self._links: dict[Link, None] = {}  # oldest first
        self._delay = 0.0
        self._bytes_until_cut: int | None = None
        self._idle_limit: float | None = None
        self._flowing = asyncio.Event()
        self._listener: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pingpool-fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.thaw()
        self.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        way = f"{self.port} to {self._target}"
        return f"<FaultProxy {way}, {self.connections} connections, {self.round_trips} round trips>"

    @property
    def connections(self) -> int:
        return len(self._links)

    # Ends of connections; each returns how many it ended

    def cut(self, most: int | None = None) -> int:
        """End all connections, or the `most` oldest, with FIN to both sides."""
        return self._wait_for(self._part_with(most, finish))

    def reset(self, most: int | None = None) -> int:
        """End all connections, or the `most` oldest, with RST to both sides."""
        return self._wait_for(self._part_with(most, break_off))

    def half_open(self) -> int:
        """End all connections to the server without telling the clients; what they still send is lost."""
        return self._wait_for(self._forget_all())

    def half_open_idle(self, after: float) -> None:
        """From now on do that to each connection through which nothing passes for so many seconds, as firewalls do."""
        self._idle_limit = after

    @property
    def forgotten(self) -> int:
        """How many connections are half open now."""
        return sum(link.forgotten for link in list(self._links))

    def cut_after(self, size: int) -> None:
        """Cut the connection on which the next `size` bytes down are complete, once."""
        self._bytes_until_cut = size

    # Disturbances

    def freeze(self) -> None:
        """Pass nothing on: connections, also new ones, stay open and silent."""
        self._wait_for(self._stop_flow())

    def thaw(self) -> None:
        """End a freeze: what was held back is passed on."""
        self._wait_for(self._start_flow())

    def delay(self, seconds: float) -> None:
        """Hold back all data for so many seconds, each way. 0 ends it."""
        self._delay = seconds

    def lead_to(self, host: str, port: int) -> None:
        """Pass on new connections to this host and port, as when a name moves. Open ones stay where they are."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._family, self._target = found[0], found[4]

    def refuse(self) -> None:
        """Refuse new connections. Open ones stay."""
        self._wait_for(self._refuse())

    def accept(self) -> None:
        """Take new connections again."""
        self._wait_for(self._listen())

    def close(self) -> None:
        self.refuse()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # In the proxy's own thread

    def _wait_for(self, act: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result()

    async def _start_flow(self) -> None:
        self._flowing.set()

    async def _stop_flow(self) -> None:
        self._flowing.clear()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port), backlog=1024)
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._take_client, self._listener)

    async def _refuse(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._loop.remove_reader(listener)
            listener.close()

    def _take_client(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # the client is gone
            return
        self.accepted += 1
        link = Link(client, socket.socket(self._family))
        self._links[link] = None
        link.task = self._loop.create_task(self._serve(link))
        link.task.add_done_callback(partial(self._let_go, link))  # also if it is cut before it has begun

    async def _serve(self, link: Link) -> None:
        for side in (link.client, link.server):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._flowing.wait()
            await self._loop.sock_connect(link.server, self._target)
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._pass_up(link))
                both_ways.create_task(self._pass_down(link))
        except* OSError:  # one side broke off: so does the other
            break_off(link.client)
            break_off(link.server)

    def _let_go(self, link: Link, _: object) -> None:
        self._links.pop(link, None)
        if link.idle is not None:
            link.idle.cancel()
        link.client.close()
        link.server.close()

    async def _pass_up(self, link: Link) -> None:
        while data := await self._receive(link, link.client):
            link.asking = True
            self.bytes_up += len(data)
            if not link.forgotten:
                await self._loop.sock_sendall(link.server, data)
        if not link.forgotten:
            link.server.shutdown(socket.SHUT_WR)

    async def _pass_down(self, link: Link) -> None:
        while (data := await self._receive(link, link.server)) and not link.forgotten:
            self.round_trips += link.asking
            link.asking = False
            if self._bytes_until_cut is not None:
                if len(data) >= self._bytes_until_cut:
                    data, self._bytes_until_cut = data[: self._bytes_until_cut], None
                    await self._loop.sock_sendall(link.client, data)
                    self.bytes_down += len(data)
                    return link.part(finish)
                self._bytes_until_cut -= len(data)
            self.bytes_down += len(data)
            await self._loop.sock_sendall(link.client, data)
        if not link.forgotten:
            link.client.shutdown(socket.SHUT_WR)

    async def _receive(self, link: Link, side: socket.socket) -> bytes:
        try:
            data = await self._loop.sock_recv(side, AT_A_TIME)
        except OSError:
            if side is link.server and link.forgotten:  # it has spoken to a socket that is shut
                return b""
            raise
        self._see_busy(link)
        await asyncio.sleep(self._delay)
        await self._flowing.wait()
        return data

    def _see_busy(self, link: Link) -> None:
        if link.idle is not None:
            link.idle.cancel()
        if self._idle_limit is not None and not link.forgotten:
            link.idle = self._loop.call_later(self._idle_limit, link.forget)

    async def _part_with(self, most: int | None, parting: Callable[[socket.socket], None]) -> int:
        links = list(self._links)[:most]
        for link in links:
            link.part(parting)
        await asyncio.gather(*(link.task for link in links if link.task), return_exceptions=True)
        return len(links)

    async def _forget_all(self) -> int:
        fresh = [link for link in self._links if not link.forgotten]
        for link in fresh:
            link.forget()
        return len(fresh)


def finish(side: socket.socket) -> None:
    """Send FIN. Unread data is read first, or closing would send RST."""
    try:
        side.shutdown(socket.SHUT_RDWR)
        while side.recv(AT_A_TIME):
            continue
    except OSError:
        return  # it was not connected, or has nothing more to say


def break_off(side: socket.socket) -> None:
    """Make closing send RST."""
    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
