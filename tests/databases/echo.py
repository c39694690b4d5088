"""A server that repeats each line, and what talks to it with time limits of its own, in either world."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

from tests.databases.waiting import SOON

SLOW = "slow"
"""How a line begins that is repeated only once the server is let go."""

IMPATIENT = 0.01
"""Seconds after which somebody gives an answer up."""


class EchoServer:
    """Repeats lines until it is closed; slow ones wait for `go_on`."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.links: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it is."""
        host, port = self._door.getsockname()
        return host, port

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._door.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self._repeat, args=(link,), daemon=True).start()

    def _repeat(self, link: socket.socket) -> None:
        try:
            with link, link.makefile("rwb") as lines:
                for line in lines:
                    if line.startswith(SLOW.encode()):
                        self.go_on.wait()
                    lines.write(b"echo " + line)
                    lines.flush()
        except OSError:  # the other side has gone
            return

    def hang_up(self) -> None:
        """End every connection."""
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        """Let nobody in any more."""
        self.go_on.set()
        self._door.close()
        self.hang_up()


@contextmanager
def echoing() -> Generator[EchoServer]:
    """Run a server for the length of a block."""
    server = EchoServer()
    try:
        yield server
    finally:
        server.close()


class Line:
    """A connection to the server."""

    def __init__(self, server: EchoServer) -> None:
        self.sock: socket.socket | None = socket.create_connection(server.address)
        self.owes = False

    def ask(self, words: str, within: float = SOON) -> str:
        """Say something, and return the answer. Raises `TimeoutError` if it does not come in time."""
        if self.sock is None:
            raise ConnectionError("the line is closed")
        self.sock.settimeout(within)
        self.owes = True
        self.sock.sendall(words.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self.sock.recv(1)
            if not piece:
                raise ConnectionError("the server has hung up")
            answer += piece
        self.owes = False
        return answer.decode().strip()

    def ping(self) -> None:
        """Prove it."""
        self.ask("ping")

    def close(self) -> None:
        """End it."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None


class AsyncLine:
    """The same for asyncio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.owes = False

    @property
    def sock(self) -> socket.socket:
        """Its socket."""
        found: socket.socket = self.writer.get_extra_info("socket")
        return found

    async def ask(self, words: str, within: float = SOON) -> str:
        """Say something, and return the answer. Raises `TimeoutError` if it does not come in time."""
        self.owes = True
        self.writer.write(words.encode() + b"\n")
        async with asyncio.timeout(within):
            answer = await self.reader.readline()
        if not answer:
            raise ConnectionError("the server has hung up")
        self.owes = False
        return answer.decode().strip()

    async def ping(self) -> None:
        """Prove it."""
        await self.ask("ping")

    def close(self) -> None:
        """End it."""
        self.writer.close()


async def connect(server: EchoServer) -> AsyncLine:
    """Open a connection."""
    return AsyncLine(*await asyncio.open_connection(*server.address))
