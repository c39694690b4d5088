"""The database of one's own that the documentation shows, with a real server behind it, in both worlds."""

import asyncio
import socketserver
import threading
from collections.abc import Generator

import pytest

import pingpool
from examples.own_database import AsyncLines, HungUp, Lines
from tests.databases.waiting import until, until_in_asyncio


class Server(socketserver.ThreadingTCPServer):
    """Answers lines with lines, and can hang up on everybody."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.lines: list[Handler] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def hang_up(self) -> None:
        """End every line."""
        for line in self.lines:
            line.connection.shutdown(2)


class Handler(socketserver.StreamRequestHandler):
    """One line."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.lines.append(self)
        self.wfile.write(b"hello\n")
        while words := self.rfile.readline().decode().rstrip():
            server.heard.append(words)
            self.wfile.write(b"PONG\n" if words == "PING" else f"{words}\n".encode())


@pytest.fixture
def server() -> Generator[Server]:
    """A server that runs for the length of a test."""
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def test_it_is_pooled_for_threads(server: Server) -> None:
    """What was left open is reset, and lines that were hung up on are replaced before anybody meets them."""
    with pingpool.open(Lines("127.0.0.1", server.server_address[1]), size=2, ping_interval=60) as pool:
        with pool.session() as line:
            assert line.call("BEGIN") == "BEGIN"
        with pool.session() as line:
            assert line.call("hi") == "hi"
        with pool.session() as line:
            assert line.call("hi") == "hi"
        until(lambda: pool.stats().idle == 2)
        assert server.heard.count("RESET") == 1
        server.hang_up()
        for _ in range(4):
            with pool.session(5) as line:
                assert line.call("again") == "again"
        assert pool.stats().replaced["gone"] == 2


def test_it_is_pooled_for_asyncio(server: Server) -> None:
    """The same in the other world; a line that is hung up on in use costs one error."""

    async def main() -> None:
        database = AsyncLines("127.0.0.1", server.server_address[1])
        async with pingpool.open_async(database, size=2, ping_interval=60) as pool:
            async with pool.session() as line:
                await line.call("BEGIN")
            for _ in range(2):
                async with pool.session(5) as line:
                    assert await line.call("hi") == "hi"
            await until_in_asyncio(lambda: pool.stats().idle == 2)
            assert server.heard.count("RESET") == 1
            with pytest.raises(HungUp):
                async with pool.session(5) as line:
                    server.hang_up()
                    await line.call("anybody there?")
            for _ in range(4):
                async with pool.session(5) as line:
                    assert await line.call("again") == "again"

    asyncio.run(main())
