"""SQLite for asyncio, by aiosqlite: what is pooled is `aiosqlite.Connection`, each with a thread of its own."""

from collections.abc import Mapping
from typing import Any

import aiosqlite

from pingpool.database import AsyncDatabase
from pingpool.databases.sqlite.traits import Connection, SQLiteTraits

CHUNK = 64
"""Rows that aiosqlite fetches at a time; its own default."""


class AsyncSQLite(SQLiteTraits[aiosqlite.Connection], AsyncDatabase[aiosqlite.Connection]):
    """The sessions of one SQLite database; the arguments are those of `SQLite`."""

    def connection_of(self, session: aiosqlite.Connection) -> Connection:
        """Return the one in its thread. Raises `ValueError` if it is closed."""
        anything: Any = session
        connection: Connection = anything._conn
        return connection

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> aiosqlite.Connection:
        """Open a connection, in its thread. One that is cancelled in the middle closes itself."""
        return await aiosqlite.Connection(self.open, CHUNK)

    async def ping(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Look for the file, and run a statement, which opens no transaction."""
        self.refuse_other_file(session)
        await session.execute_fetchall(self.question)

    async def delete(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Close the connection; a statement that is running is stopped, and what was open is rolled back."""
        try:
            await session.interrupt()
            await session.close()
        except ValueError:  # it is closed already; only its thread may be left
            anything: Any = session
            anything.stop()

    async def reset(self, session: aiosqlite.Connection, *, timeout: float) -> None:
        """Roll back."""
        await session.rollback()
