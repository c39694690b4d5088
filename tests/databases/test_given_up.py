"""A `configure=` or `reset=` that takes longer than `io_timeout` is given up, and its statement ends at the server."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

import pingpool
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.postgres.asyncpg import AsyncPG
from pingpool.databases.postgres.psycopg import Postgres
from pingpool.databases.postgres.psycopg_async import AsyncPostgres
from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.databases.mysql_drivers import AIOMYSQL, THREADS, Driver
from tests.databases.mysql_lab import sleeping
from tests.databases.waiting import SOON, until, until_in_asyncio

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

IN_TIME = 0.5
"""Seconds for each call to the database; only one that hangs takes so long."""

SLEEP = "SELECT pg_sleep(3600)"

STEPS = ["configure", "reset"]
"""The functions of the user's that workers call."""


class Hanging:
    """Runs a long statement on the first session it is called with, and notes when that has ended."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.was_called = False
        self.is_over = False

    @contextmanager
    def once(self) -> Iterator[bool]:
        """Tell whether to hang; note the end of that."""
        is_first, self.was_called = not self.was_called, True
        try:
            yield is_first
        finally:
            self.is_over = self.is_over or is_first

    def __call__(self, session: Any) -> None:
        """Hang, once."""
        with self.once() as is_first, closing(session.cursor()) as cursor:
            if is_first:
                cursor.execute(self.statement)
                cursor.fetchall()

    async def in_asyncio(self, session: Any) -> None:
        """The same for asyncio."""
        with self.once() as is_first:
            if is_first:
                await session.execute(self.statement)

    async def by_a_cursor(self, session: Any) -> None:
        """The same for a driver whose sessions run nothing by themselves."""
        with self.once() as is_first:
            if is_first:
                async with session.cursor() as cursor:
                    await cursor.execute(self.statement)


def asleep(server: PostgresServer) -> int:
    """Return how many long statements run at the server."""
    question = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{SLEEP}' AND state = 'active'"
    return int(server.execute(question)[0][0])


def ends(database: Any, running: Callable[[], int], hanging: Hanging) -> None:
    """Have the pool run the statement, give it up, and go on; the statement ends, too."""
    with pingpool.open(database, size=1, io_timeout=IN_TIME, wait_for=0) as pool:
        for _ in range(2):
            with pool.session(SOON):
                pass
        until(lambda: hanging.is_over)
        until(lambda: running() == 0)
        with pool.session(SOON):
            assert pool.stats().overran >= 1


async def ends_in_asyncio(database: Any, running: Callable[[], int], hanging: Hanging) -> None:
    """The same for asyncio."""
    async with pingpool.open_async(database, size=1, io_timeout=IN_TIME, wait_for=0) as pool:
        for _ in range(2):
            async with pool.session(SOON):
                pass
        await until_in_asyncio(lambda: hanging.is_over)
        await until_in_asyncio(lambda: running() == 0)
        async with pool.session(SOON):
            assert pool.stats().overran >= 1


def psycopg(url: str, **options: Any) -> Any:
    """PostgreSQL by psycopg, of which `Postgres` knows more."""
    driver = pytest.importorskip("psycopg")
    return DBAPI(lambda: driver.connect(url), driver=driver, **options)


def psycopg2(url: str, **options: Any) -> Any:
    """By psycopg2."""
    driver = pytest.importorskip("psycopg2")
    return DBAPI(lambda: driver.connect(url), driver=driver, **options)


def pg8000(url: str, **options: Any) -> Any:
    """By pg8000, written in Python."""
    driver = pytest.importorskip("pg8000.dbapi")
    parts = urlsplit(url)
    where = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}
    return DBAPI(lambda: driver.connect(database=parts.path[1:], **where), driver=driver, **options)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("make", [Postgres, psycopg, psycopg2, pg8000])
def test_postgres_runs_on_with_nothing_that_was_given_up(
    postgres_server: PostgresServer, make: Callable[..., Any], step: str
) -> None:
    """The server would notice the end of the stream only when the statement has ended by itself, with its locks."""
    hanging = Hanging(SLEEP)
    ends(make(postgres_server.url, **{step: hanging}), lambda: asleep(postgres_server), hanging)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("make", [AsyncPostgres, AsyncPG])
def test_postgres_runs_on_with_nothing_that_was_given_up_in_asyncio(
    postgres_server: PostgresServer, make: Callable[..., Any], step: str
) -> None:
    """There the call is cancelled, and the driver cancels its statement."""
    hanging = Hanging(SLEEP)
    database = make(postgres_server.url, **{step: hanging.in_asyncio})
    asyncio.run(ends_in_asyncio(database, lambda: asleep(postgres_server), hanging))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("driver", THREADS, ids=repr)
def test_mysql_runs_on_with_nothing_that_was_given_up(mariadb_server: MariaDBServer, driver: Driver, step: str) -> None:
    """By any of its drivers: the statement is ended by another connection."""
    hanging = Hanging("SELECT SLEEP(60)")
    ends(driver.database(mariadb_server, **{step: hanging}), lambda: sleeping(mariadb_server), hanging)


@pytest.mark.parametrize("step", STEPS)
def test_mysql_runs_on_with_nothing_that_was_given_up_in_asyncio(mariadb_server: MariaDBServer, step: str) -> None:
    """By aiomysql, too."""
    hanging = Hanging("SELECT SLEEP(60)")
    database = AIOMYSQL.database(mariadb_server, **{step: hanging.by_a_cursor})
    asyncio.run(ends_in_asyncio(database, lambda: sleeping(mariadb_server), hanging))
