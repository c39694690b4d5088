"""A database of one's own, for threads and for asyncio: sessions of a small server that answers lines with lines.

The server greets with "hello", answers PING with PONG, keeps what it is told after BEGIN until END or RESET, and echoes
everything else. What both worlds ask in passing is written once, as traits; each world adds its calls.
"""

import asyncio
import select
import socket
from collections.abc import Mapping

from pingpool import AsyncDatabase, Database, Meaning
from pingpool.database import S, Traits


class HungUp(Exception):
    """The server has closed the line."""


class Line:
    """A session for threads."""

    def __init__(self, address: tuple[str, int], timeout: float) -> None:
        self.socket = socket.create_connection(address, timeout)
        self.answers = self.socket.makefile("r")
        self.is_open = False
        self.read()

    def call(self, words: str) -> str:
        """Say something, and return the answer."""
        self.is_open = {"BEGIN": True, "END": False, "RESET": False}.get(words, self.is_open)
        try:
            self.socket.sendall(f"{words}\n".encode())
        except OSError as error:
            raise HungUp(str(error)) from error
        return self.read()

    def read(self) -> str:
        """Return the next answer."""
        answer = self.answers.readline()
        if not answer:
            raise HungUp("the server has closed the line")
        return answer.rstrip()

    def close(self) -> None:
        """Hang up."""
        self.answers.close()
        self.socket.close()


class AsyncLine:
    """A session for asyncio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.is_open = False

    async def call(self, words: str) -> str:
        """Say something, and return the answer."""
        self.is_open = {"BEGIN": True, "END": False, "RESET": False}.get(words, self.is_open)
        self.writer.write(f"{words}\n".encode())
        answer = await self.reader.readline()
        if not answer:
            raise HungUp("the server has closed the line")
        return answer.decode().rstrip()

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()


class LineTraits(Traits[S]):
    """What is asked in passing: no I/O, and the same for both kinds of session."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)

    def needs_reset(self, session: S) -> bool:
        """Did the last holder leave something begun?"""
        return bool(getattr(session, "is_open", False))

    def meaning_of(self, error: BaseException) -> Meaning:
        """A line that was hung up is lost."""
        return Meaning.LOST if isinstance(error, HungUp | ConnectionError) else super().meaning_of(error)


class Lines(LineTraits[Line], Database[Line]):
    """The server, for threads."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Line:
        """Open a line."""
        return Line(self.address, timeout)

    def ping(self, session: Line, *, timeout: float) -> None:
        """Ask whether the server is there."""
        session.socket.settimeout(timeout)
        if session.call("PING") != "PONG":
            raise HungUp("the server is out of step")

    def reset(self, session: Line, *, timeout: float) -> None:
        """Let the server forget what was begun."""
        session.call("RESET")

    def looks_alive(self, session: Line) -> bool:
        """Nothing is owed, so whatever can be read is the end of the line."""
        return not select.select([session.socket], [], [], 0)[0]


class AsyncLines(LineTraits[AsyncLine], AsyncDatabase[AsyncLine]):
    """The server, for asyncio."""

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> AsyncLine:
        """Open a line."""
        reader, writer = await asyncio.open_connection(*self.address)
        await reader.readline()
        return AsyncLine(reader, writer)

    async def ping(self, session: AsyncLine, *, timeout: float) -> None:
        """Ask whether the server is there."""
        if await session.call("PING") != "PONG":
            raise HungUp("the server is out of step")

    async def reset(self, session: AsyncLine, *, timeout: float) -> None:
        """Let the server forget what was begun."""
        await session.call("RESET")

    def looks_alive(self, session: AsyncLine) -> bool:
        """Has the end of the line not come yet?"""
        return not session.reader.at_eof()
