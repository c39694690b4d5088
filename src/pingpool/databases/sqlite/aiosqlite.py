"""SQLite for asyncio, by aiosqlite: what is pooled is `aiosqlite.Connection`, each with a thread of its own.

A statement whose waiting was cut short stays in the queue of that thread, or goes on in it. So what is sent there is
counted: a connection is busy until all of it has ended.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty
from typing import Any

import aiosqlite

from pingpool.databases.common.configuring import AsyncConfigured
from pingpool.databases.sqlite.connection import PAUSE, Connection
from pingpool.databases.sqlite.thread import END, thread_of
from pingpool.databases.sqlite.traits import SQLiteTraits, end_transaction

CHUNK = 64
"""Rows that aiosqlite fetches at a time; its own default."""


class Session(aiosqlite.Connection):
    """A connection that counts what it sends to its thread, and what ends there."""

    sent = 0
    ended = 0

    def __init__(self, connector: Callable[[], Connection]) -> None:
        super().__init__(connector, CHUNK)
        anything: Any = self
        anything._thread = thread_of(anything._tx)

    def stop(self) -> "asyncio.Future[Any] | None":
        """Close the connection and end its thread; return a future that tells when, where a loop can wait for it."""
        anything: Any = self
        anything._running = False
        try:
            answer = asyncio.get_running_loop().create_future()
        except Exception:  # there is none; or, at the very end, asyncio itself has been taken apart
            answer = None
        anything._tx.put_nowait((answer, self._close))
        return answer

    def _close(self) -> object:
        """Close the connection, in its thread."""
        anything: Any = self
        connection, anything._connection = anything._connection, None
        if connection is not None:
            connection.close()
        return END

    async def _execute(self, fn: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.sent += 1
        base: Any = super()
        return await base._execute(self._run, fn, *arguments, **options)

    def _run(self, fn: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return fn(*arguments, **options)
        finally:
            self.ended += 1

    @property
    def is_busy(self) -> bool:
        """Is something queued, or running, in its thread?"""
        return self.sent != self.ended

    async def run(self, call: Callable[[Connection], object]) -> None:
        """Make a call about the connection in its thread."""
        await self._execute(call, self._conn)

    async def come_to_rest(self) -> None:
        """Drop what is queued, and stop what is running. Raises `ValueError` if the connection is closed."""
        self._drop()
        while self.is_busy:
            await self.interrupt()  # once may be between two statements of one call
            await asyncio.sleep(PAUSE)

    def _drop(self) -> None:
        """Take back what is queued; whoever still waits for it is told. What ends the thread stays."""
        anything: Any = self
        others: list[tuple[Any, Any]] = []
        while True:
            try:
                answer, call = anything._tx.get_nowait()
            except Empty:
                break
            if getattr(call, "func", None) != self._run:
                others.append((answer, call))
                continue
            self.sent -= 1
            if not answer.done():
                answer.set_exception(sqlite3.OperationalError("interrupted"))
        for each in others:
            anything._tx.put_nowait(each)


class AsyncSQLite(SQLiteTraits[Session], AsyncConfigured[Session]):
    """The sessions of one SQLite database; the arguments are those of `SQLite`.

    `reset` and `configure` may be coroutine functions.
    """

    DRIVERS = ("aiosqlite",)

    def connection_of(self, session: Session) -> Connection:
        """Return the one in its thread. Raises `ValueError` if it is closed."""
        anything: Any = session
        connection: Connection = anything._conn
        return connection

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Open a connection, in its thread. One that is cancelled in the middle closes itself."""
        session = Session(self.open)
        await session
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Look for the file, and run a statement, which opens no transaction."""
        self.refuse_other_file(session)
        await session.execute_fetchall(self.question)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection; a statement that is running is stopped, and what was open is rolled back."""
        try:
            await session.come_to_rest()
            await session.close()
        except BaseException as error:  # it is closed already; only its thread may be left. Or time is up
            anything: Any = session
            anything.stop()
            if not isinstance(error, ValueError):
                raise

    async def keep(self, session: Session) -> None:
        """Commit what was set."""
        await session.run(partial(end_transaction, how="COMMIT"))

    async def reset(self, session: Session, *, timeout: float) -> bool:
        """Stop what still runs, roll back, and put back what the last holder set."""
        await session.come_to_rest()
        await session.run(self.clear)
        await self._resets.call_async(session)
        return self._resets.is_full

    def looks_alive(self, session: Session) -> bool:
        """Is nothing running in it, that a stranger left there, and is it well besides?"""
        return not session.is_busy and super().looks_alive(session)

    def needs_reset(self, session: Session) -> bool | None:
        """Is something queued or running in its thread, or left open?"""
        return session.is_busy or super().needs_reset(session)
