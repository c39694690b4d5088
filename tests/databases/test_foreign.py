"""Errors of the application, by real drivers: they cost no ping, and nothing of their use reaches the next one."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool import AsyncDatabase, Database, Meaning
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.in_threads import InThreads
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.databases.sqlite import AsyncSQLite, SQLite
from pingpool.testing.servers import MariaDBServer, PostgresServer, ValkeyServer
from tests.databases.mysql_drivers import ALL, Driver
from tests.databases.postgres_drivers import InLoop, by_each_driver, in_asyncio
from tests.databases.waiting import SOON

pytest_plugins = ["pingpool.testing.fixtures"]

USES = 30


async def fail_often(database: Any, act: Callable[[Any], Any] | None = None) -> None:
    """Use the sessions of a database in blocks that end in an error of the application, and count what that costs."""
    known: AsyncDatabase[Any] = InThreads(database) if isinstance(database, Database) else database
    async with pingpool.open_async(known, size=2) as pool:
        for _ in range(USES):
            with pytest.raises(LookupError):
                async with pool.session(SOON) as session:
                    if act is not None:
                        await act(session)
                    raise LookupError("no such page")
        async with pool.session(SOON), pool.session(SOON):
            stats = pool.stats()
        assert (stats.pings, stats.created, dict(stats.replaced)) == (0, 2, {})


@pytest.mark.server
@by_each_driver
@in_asyncio
async def test_they_cost_no_ping_by_postgresql(postgres_server: PostgresServer, driver: InLoop) -> None:
    """By each driver, after a statement."""
    await fail_often(driver.database(postgres_server.url), lambda session: driver.rows(session, "SELECT 1"))


@pytest.mark.server
@pytest.mark.parametrize("driver", ALL, ids=repr)
def test_they_cost_no_ping_by_mysql(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """By each driver."""
    driver.load()
    asyncio.run(fail_often(driver.database(mariadb_server)))


@pytest.mark.server
@pytest.mark.parametrize("kind", [Redis, AsyncRedis])
def test_they_cost_no_ping_by_redis(valkey_server: ValkeyServer, kind: Any) -> None:
    """In both worlds."""
    asyncio.run(fail_often(kind(valkey_server.host, valkey_server.port)))


@pytest.mark.parametrize("kind", [SQLite, AsyncSQLite])
def test_they_cost_no_ping_by_sqlite(tmp_path: Path, kind: Any) -> None:
    """In both worlds."""
    if kind is AsyncSQLite:
        pytest.importorskip("aiosqlite")
    asyncio.run(fail_often(kind(tmp_path / "shop.db")))


def test_they_cost_no_ping_by_dbapi_that_can_look(tmp_path: Path) -> None:
    """Where nobody can look at a session, it may have died before the error: it is pinged."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "shop.db", check_same_thread=False)

    asyncio.run(fail_often(DBAPI(connect, driver=sqlite3, looks_alive=lambda connection: True)))
    error = raised(lambda: {}["page"])
    assert DBAPI(connect, driver=sqlite3).meaning_of(error) is Meaning.UNKNOWN
    assert DBAPI(connect, looks_alive=lambda connection: True).meaning_of(error) is Meaning.UNKNOWN


@pytest.mark.server
@by_each_driver
@in_asyncio
async def test_locks_are_let_go_all_the_same(postgres_server: PostgresServer, driver: InLoop) -> None:
    """A forgotten one would be kept alive for ever."""
    async with pingpool.open_async(driver.database(postgres_server.url), size=1) as pool:
        with pytest.raises(LookupError):
            async with pool.session(SOON) as first:
                await driver.rows(first, "SELECT pg_advisory_lock(7)")
                await driver.rows(first, "CREATE TEMP TABLE IF NOT EXISTS mine (i int)")
                raise LookupError("no such page")
        async with pool.session(SOON) as second:
            assert second is first
            assert await driver.rows(second, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
        assert pool.stats().pings == 0


@pytest.mark.server
@pytest.mark.parametrize("driver", ALL, ids=repr)
def test_locks_are_let_go_by_mysql_too(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """Those by name."""
    driver.load()
    lock = f"of {driver.name}"
    database = driver.database(mariadb_server)
    same, row = driver.hand_over(
        database, [f"SELECT GET_LOCK('{lock}', 0)"], f"SELECT IS_USED_LOCK('{lock}')", error=True
    )
    assert same
    assert row[0] is None


@pytest.mark.server
@by_each_driver
@in_asyncio
async def test_a_transaction_is_rolled_back_all_the_same(postgres_server: PostgresServer, driver: InLoop) -> None:
    """Before the next holder gets the session."""
    postgres_server.execute("CREATE TABLE IF NOT EXISTS foreign_errors (tag text)")
    async with pingpool.open_async(driver.database(postgres_server.url), size=1) as pool:
        with pytest.raises(LookupError):
            async with pool.session(SOON) as first:
                await driver.rows(first, "BEGIN" if not driver.is_psycopg else "SELECT 1")
                await driver.rows(first, "INSERT INTO foreign_errors VALUES ('of a stranger')")
                raise LookupError("no such page")
        async with pool.session(SOON) as second:
            assert second is first
            assert await driver.rows(second, "SELECT tag FROM foreign_errors") == []


# ------------------------------------------------------------------------------------------- what is foreign

PSYCOPG = frozenset({"psycopg"})


def raised(fail: Callable[[], object]) -> BaseException:
    """Return what this raises, as a block would end with it."""
    try:
        fail()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def after(first: BaseException, *, told: bool = True) -> None:
    """Catch an error, and raise one of the application's instead."""
    try:
        raise first
    except type(first) as error:
        if told:
            raise LookupError("no such page") from error
        raise LookupError("no such page") from None


def in_a_group(*errors: Exception) -> None:
    """Raise several."""
    raise ExceptionGroup("several", errors)


class Timer(Exception):
    """A time limit, by a signal."""


@contextmanager
def limited() -> Iterator[None]:
    """Raise within the block, whatever runs there, as a time limit of a signal handler does."""

    def strike(*_: object) -> None:
        raise Timer

    before = signal.signal(signal.SIGUSR1, strike)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    ("fail", "answer"),
    [
        (lambda: {}["page"], True),
        (lambda: in_a_group(LookupError(), ValueError()), True),
        (lambda: after(KeyError("page")), True),
        (lambda: after(TimeoutError()), False),
        (lambda: after(TimeoutError(), told=False), False),
        (lambda: after(asyncio.CancelledError()), False),
        (lambda: after(psycopg.OperationalError(), told=False), False),
        (lambda: after(sqlite3.DatabaseError()), False),
        (lambda: in_a_group(LookupError(), ConnectionResetError()), False),
        (lambda: psycopg.conninfo.make_conninfo("no conninfo"), False),
    ],
)
def test_what_is_foreign(fail: Callable[[], object], answer: bool) -> None:
    """Neither an error of a driver's, nor a time-out, a cancel or the system's, may be behind it, even if hidden."""
    assert is_foreign(raised(fail), PSYCOPG) is answer


def test_what_passed_through_the_driver_is_not_foreign() -> None:
    """An error of the application's may be raised in the middle of a call, by a function that the driver calls."""

    def fail() -> None:
        within("sqlite3.dump", refuse)

    assert not is_foreign(raised(fail), frozenset({"sqlite3"}))
    assert is_foreign(raised(fail), PSYCOPG)


def within(module: str, function: Callable[[], object]) -> None:
    """Call a function as code of that module would."""
    namespace: dict[str, Any] = {"__name__": module, "function": function}
    exec("def call():\n    function()\n", namespace)
    namespace["call"]()


def refuse() -> None:
    """Fail, as a row factory or a converter may."""
    raise LookupError("no such row")


def test_what_was_never_raised_is_not_foreign() -> None:
    """Nothing tells where it comes from; of a cause that is no matter."""
    assert not is_foreign(LookupError(), PSYCOPG)
    assert is_foreign(raised(lambda: after(LookupError())), PSYCOPG)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there are no such signals")
def test_what_a_signal_raised_is_not_foreign() -> None:
    """It may have struck anywhere."""

    def fail() -> None:
        signal.raise_signal(signal.SIGUSR1)
        time.sleep(SOON)

    with limited():
        assert not is_foreign(raised(fail), PSYCOPG)
