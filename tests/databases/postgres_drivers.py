"""The three drivers of PostgreSQL, spoken to in one way, in asyncio."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from pingpool import AsyncDatabase
from pingpool.databases.in_threads import InThreads
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from tests.databases.waiting import SOON


class InThread:
    """psycopg, each call in a thread."""

    is_psycopg = True
    round_trips = 3
    """Those of a statement with its commit: there is a BEGIN too."""

    def database(self, url: str, **options: Any) -> AsyncDatabase[Any]:
        """Return the database at a URL."""
        return InThreads(Postgres(url, **options))

    async def rows(self, session: Any, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        cursor = await asyncio.to_thread(session.execute, sql)
        return cursor.fetchall() if cursor.description else []

    async def commit(self, session: Any) -> None:
        """Commit what the driver has begun by itself."""
        await asyncio.to_thread(session.commit)

    async def call(self, method: Any, *arguments: Any) -> Any:
        """Call a method of a session, or of what belongs to it."""
        return await asyncio.to_thread(method, *arguments)


class InLoop(InThread):
    """psycopg for asyncio."""

    def database(self, url: str, **options: Any) -> AsyncDatabase[Any]:
        """Return the database at a URL."""
        return AsyncPostgres(url, **options)

    async def rows(self, session: Any, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        cursor = await session.execute(sql)
        return await cursor.fetchall() if cursor.description else []

    async def commit(self, session: Any) -> None:
        """Commit what the driver has begun by itself."""
        await session.commit()

    async def call(self, method: Any, *arguments: Any) -> Any:
        """Call a method of a session, or of what belongs to it."""
        return await method(*arguments)


class ByAsyncPG(InLoop):
    """asyncpg, which begins nothing by itself."""

    is_psycopg = False
    round_trips = 1

    def database(self, url: str, **options: Any) -> AsyncDatabase[Any]:
        """Return the database at a URL."""
        return AsyncPG(url, **options)

    async def rows(self, session: Any, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return [tuple(row) for row in await session.fetch(sql)]

    async def commit(self, session: Any) -> None:
        """Do nothing."""


def in_asyncio(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Let pytest run a coroutine function."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        async def within_its_time() -> None:
            async with asyncio.timeout(10 * SOON):
                await test(**fixtures)

        asyncio.run(within_its_time())

    return run


BY_PSYCOPG = [pytest.param(InThread(), id="psycopg"), pytest.param(InLoop(), id="psycopg-async")]

by_psycopg = pytest.mark.parametrize("driver", BY_PSYCOPG)
"""Run a test with each half of psycopg."""

by_each_driver = pytest.mark.parametrize("driver", [*BY_PSYCOPG, pytest.param(ByAsyncPG(), id="asyncpg")])
"""Run a test with each of the drivers."""
