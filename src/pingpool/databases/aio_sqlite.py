"""SQLite for asyncio, by aiosqlite: what is pooled is `aiosqlite.Connection`, each with a thread of its own.

Opened, and judged, as `databases.sqlite` does it; see there for the modes and the URL.
"""

import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pingpool.database import AsyncDatabase
from pingpool.databases import sqlite

try:
    import aiosqlite
except ImportError as missing:
    raise ImportError(f'SQLite in asyncio needs aiosqlite: pip install "pingpool[aiosqlite]" ({missing})') from missing


class AsyncSQLite(AsyncDatabase[aiosqlite.Connection]):
    """The sessions of one SQLite database.

    Args:
        path: a file, made when it is not there; or ":memory:" for one that all connections of this object share and
            that lasts as long as one of them is open.
        busy_timeout: seconds that a statement waits for another connection's lock before it gives up.
    """

    def __init__(self, path: str | Path = ":memory:", *, busy_timeout: float = 5.0) -> None:
        """Open nothing yet."""
        self._file = sqlite.SQLite(path, busy_timeout=busy_timeout)

    @classmethod
    def like(cls, file: sqlite.SQLite) -> "AsyncSQLite":
        """Return a database that opens the same file as this one for threads."""
        database = cls()
        database._file = file
        return database

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> aiosqlite.Connection:
        """Open a connection, in its thread. One that is cancelled in the middle closes itself."""
        return await aiosqlite.Connection(partial(self._file.create, labels=labels, timeout=timeout), 64)

    async def ping(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Run a statement, which opens no transaction."""
        await session.execute_fetchall("SELECT 1")

    async def delete(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Close the connection; a statement that is running is stopped, and what was open is rolled back."""
        try:
            await session.interrupt()
            await session.close()
        except ValueError:  # it is closed already; only its thread may be left
            anything: Any = session
            anything.stop()

    def glance(self, session: aiosqlite.Connection) -> bool:
        """Is the connection open? A closed one has no count of changes."""
        try:
            return session.total_changes >= 0
        except (ValueError, sqlite3.ProgrammingError):
            return False

    def needs_reset(self, session: aiosqlite.Connection) -> bool:
        """Did the holder leave a transaction open?"""
        return session.in_transaction

    async def reset(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Roll back."""
        await session.rollback()

    def is_lost(self, error: BaseException) -> bool:
        """Does the error say that the connection is closed?"""
        return self._file.is_lost(error) or (isinstance(error, ValueError) and str(error) in CLOSED)

    def is_fatal(self, error: BaseException) -> bool:
        """Will opening the file never work?"""
        return self._file.is_fatal(error)

    def __repr__(self) -> str:
        """Name the file."""
        return f"Async{self._file!r}"

    def __eq__(self, other: object) -> bool:
        """Two that name the same file are the same database."""
        return isinstance(other, AsyncSQLite) and other._file == self._file

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._file)


CLOSED = ("no active connection", "Connection closed")
"""What aiosqlite says of a closed connection."""


def from_url(url: str) -> AsyncSQLite:
    """Return the database that a URL names, as `databases.sqlite.from_url` reads it.

    Raises:
        BadURL: the URL makes no sense.
    """
    return AsyncSQLite.like(sqlite.from_url(url))
