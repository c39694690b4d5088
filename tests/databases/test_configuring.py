"""`configure=` by real drivers: what it sets lasts, also without a commit, and is what resets put back to."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool import CannotFill
from pingpool.databases.callables import AsyncCallables, Callables
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.databases.sqlite import AsyncSQLite, SQLite
from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.databases.mysql_drivers import ALL, PYMYSQL, Driver
from tests.databases.postgres_drivers import InLoop, by_each_driver, by_psycopg, in_asyncio
from tests.databases.waiting import SOON

pytest_plugins = ["pingpool.testing.fixtures"]

TOKYO = "SET timezone TO 'Asia/Tokyo'"


class Counted:
    """Runs statements on each new session, and counts the sessions."""

    def __init__(self, driver: InLoop, *statements: str) -> None:
        self.calls = 0
        self._driver = driver
        self._statements = statements

    async def in_loop(self, session: Any) -> None:
        """By a driver of asyncio."""
        self.calls += 1
        for statement in self._statements:
            await session.execute(statement)

    def in_thread(self, session: Any) -> None:
        """By psycopg."""
        self.calls += 1
        for statement in self._statements:
            session.execute(statement)

    @property
    def function(self) -> Callable[[Any], Any]:
        """The one for the driver."""
        return self.in_loop if isinstance(self._driver, InLoop) else self.in_thread


@pytest.mark.parametrize(
    "make",
    [
        partial(Postgres, "host=h"),
        partial(AsyncPostgres, "host=h"),
        partial(AsyncPG, "postgresql://h"),
        partial(MySQL, "h"),
        partial(AsyncMySQL, "h"),
        Redis,
        AsyncRedis,
        partial(SQLite, ":memory:"),
        partial(AsyncSQLite, ":memory:"),
        partial(DBAPI, sqlite3.connect),
        partial(Callables, object),
        partial(AsyncCallables, object),
    ],
)
@pytest.mark.parametrize("nonsense", [3, "SET timezone TO 'UTC'", lambda: None])
def test_what_cannot_be_called_with_a_session_is_refused_at_once(make: Any, nonsense: Any) -> None:
    """Each database says so where it is made, not when the first session is opened."""
    with pytest.raises(TypeError, match="configure"):
        make(configure=nonsense)


@pytest.mark.server
@pytest.mark.parametrize("reset", ["rollback", "full"])
@by_each_driver
@in_asyncio
async def test_what_it_sets_lasts_without_a_commit(postgres_server: PostgresServer, driver: InLoop, reset: str) -> None:
    """PostgreSQL takes back what is set in a transaction that is rolled back; a full reset takes back all."""
    counted = Counted(driver, TOKYO)
    database = driver.database(postgres_server.url, configure=counted.function, reset=reset)
    async with pingpool.open_async(database, size=1) as pool:
        for _ in range(3):
            async with pool.session(SOON) as session:
                assert await driver.rows(session, "SHOW timezone") == [("Asia/Tokyo",)]
                await driver.rows(session, "SET timezone TO 'Europe/Rome'" if reset == "full" else "SELECT 1")
        async with pool.session(SOON):
            assert pool.stats().created == 1
        assert (counted.calls == 1) is (reset == "rollback")


@pytest.mark.server
@by_psycopg
@in_asyncio
async def test_what_it_sets_on_the_object_is_put_back_to(postgres_server: PostgresServer, driver: InLoop) -> None:
    """A holder may change it, and the next one gets it as it was configured."""

    def handle(notice: object) -> None:
        """Hear a notice."""

    def configure(session: Any) -> None:
        session.prepare_threshold = 7
        session.add_notice_handler(handle)

    for reset in ("rollback", "full"):
        database = driver.database(postgres_server.url, configure=configure, reset=reset)
        async with pingpool.open_async(database, size=1) as pool:
            for _ in range(3):
                async with pool.session(SOON) as session:
                    assert session.prepare_threshold == 7
                    assert session._notice_handlers == [handle]
                    session.prepare_threshold = 1
                    session.add_notice_handler(print)
            assert pool.stats().created == 1


@pytest.mark.server
@in_asyncio
async def test_who_listens_by_asyncpg_is_put_back_to(postgres_server: PostgresServer) -> None:
    """Each holder finds the listener that was configured, once, and no other."""
    pytest.importorskip("asyncpg")
    from pingpool.databases.postgres import AsyncPG

    def hear(*facts: object) -> None:
        """Hear a notification."""

    async def configure(session: Any) -> None:
        await session.add_listener("news", lambda *facts: None)

    for reset in ("rollback", "full"):
        database = AsyncPG(postgres_server.url, configure=configure, reset=reset)
        async with pingpool.open_async(database, size=1) as pool:
            for _ in range(3):
                async with pool.session(SOON) as session:
                    assert [len(each) for each in session._listeners.values() if each] == [1]
                    assert await session.fetchval("SELECT count(*) FROM pg_listening_channels()") == 1
                    await session.add_listener("news", hear)
            assert pool.stats().created == 1


@pytest.mark.server
@by_each_driver
@in_asyncio
async def test_a_session_that_cannot_be_configured_is_closed(postgres_server: PostgresServer, driver: InLoop) -> None:
    """`open` tells the server's error, and nothing stays open there."""
    counted = Counted(driver, "SET ROLE nobody_of_that_name")
    database = driver.database(postgres_server.url, configure=counted.function)
    with pytest.raises(CannotFill, match="nobody_of_that_name"):
        async with pingpool.open_async(database, size=2, labels={"of": "configuring"}):
            pass
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%of=configuring%'"
    while int(postgres_server.execute(left)[0][0]):
        await asyncio.sleep(0.01)
    assert counted.calls >= 1


@pytest.mark.server
@by_psycopg
@in_asyncio
async def test_a_statement_that_failed_in_it_is_not_passed_over(
    postgres_server: PostgresServer, driver: InLoop
) -> None:
    """A commit of a failed transaction rolls back and says nothing: what was set would be lost in silence."""
    counted = Counted(driver, TOKYO, "SELECT no_such_column")

    async def in_loop(session: Any) -> None:
        try:
            await counted.in_loop(session)
        except psycopg.errors.UndefinedColumn:
            pass

    def in_thread(session: Any) -> None:
        try:
            counted.in_thread(session)
        except psycopg.errors.UndefinedColumn:
            pass

    function = in_loop if isinstance(driver, InLoop) else in_thread
    with pytest.raises(CannotFill) as caught:
        async with pingpool.open_async(driver.database(postgres_server.url, configure=function), size=1):
            pass
    assert isinstance(caught.value.__cause__, psycopg.errors.InFailedSqlTransaction)


def test_a_coroutine_function_is_refused_among_threads(tmp_path: Path) -> None:
    """The error says where those are for, and comes at once."""

    async def configure(session: object) -> None:
        """Set up nothing."""

    with pytest.raises(CannotFill, match="configure is a coroutine function"):
        pingpool.open(SQLite(tmp_path / "shop.db", configure=configure), size=1)


def shape(connection: sqlite3.Connection) -> None:
    """Set what can be set on a SQLite connection; and insert a row, which opens a transaction."""
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.row_factory = sqlite3.Row
    connection.create_function("twice", 1, lambda number: 2 * number)
    connection.set_trace_callback(trace)
    connection.execute("CREATE TEMP TABLE mine (number INTEGER)")
    connection.execute("INSERT INTO mine VALUES (21)")


def trace(statement: str) -> None:
    """Hear of a statement."""


def misshape(connection: sqlite3.Connection) -> None:
    """Set it all otherwise."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.row_factory = None
    connection.set_trace_callback(None)


def shape_of(connection: Any) -> tuple[Any, ...]:
    """Return how it is set."""
    [row] = connection.execute("SELECT twice(number) AS answer FROM mine").fetchall()
    [(keys,)] = connection.execute("PRAGMA foreign_keys").fetchall()
    return row["answer"], keys, connection.handlers["set_trace_callback"]


@pytest.mark.parametrize("reset", ["rollback", "full"])
def test_sqlite_is_put_back_to_how_it_was_configured(tmp_path: Path, reset: Any) -> None:
    """PRAGMAs that decide over statements, handlers, attributes; and a row that nobody committed."""
    with pingpool.open(SQLite(tmp_path / "shop.db", configure=shape, reset=reset), size=1) as pool:
        for _ in range(3):
            with pool.session(SOON) as connection:
                assert shape_of(connection) == (42, 0, (trace,))
                misshape(connection)
        assert pool.stats().created == 1


@pytest.mark.parametrize("reset", ["rollback", "full"])
def test_aiosqlite_is_put_back_likewise(tmp_path: Path, reset: Any) -> None:
    """By a coroutine function, too."""
    pytest.importorskip("aiosqlite")

    async def configure(session: Any) -> None:
        await session.run(shape)

    async def main() -> None:
        database = AsyncSQLite(tmp_path / "shop.db", configure=configure, reset=reset)
        async with pingpool.open_async(database, size=1) as pool:
            for _ in range(3):
                async with pool.session(SOON) as session:
                    assert await session._execute(shape_of, session._conn) == (42, 0, (trace,))
                    await session.run(misshape)
            assert pool.stats().created == 1

    asyncio.run(main())


def set_tokyo(connection: Any) -> None:
    """Set something at the server, in whatever transaction."""
    connection.cursor().execute(TOKYO)


@pytest.mark.server
@pytest.mark.parametrize("module", ["psycopg2", "pg8000.dbapi", "psycopg"])
@pytest.mark.parametrize("begin_by_hand", [False, True])
def test_by_dbapi_it_lasts_too(postgres_server: PostgresServer, module: str, begin_by_hand: bool) -> None:
    """In each driver's usual mode; and in autocommit, in a transaction that the function began by hand."""
    driver = pytest.importorskip(module)

    def connect() -> Any:
        if module == "pg8000.dbapi":
            session = driver.connect("postgres", host="127.0.0.1", port=postgres_server.port, database="postgres")
        else:
            session = driver.connect(postgres_server.url)
        session.autocommit = begin_by_hand
        return session

    def configure(connection: Any) -> None:
        if begin_by_hand:
            connection.cursor().execute("BEGIN")
        set_tokyo(connection)

    with pingpool.open(DBAPI(connect, driver=driver, configure=configure), size=1) as pool:
        for _ in range(3):
            with pool.session(SOON) as connection:
                cursor = connection.cursor()
                cursor.execute("SHOW timezone")
                assert tuple(cursor.fetchone()) == ("Asia/Tokyo",)
        assert pool.stats().created == 1


def test_by_dbapi_what_is_set_on_the_object_is_put_back_to(tmp_path: Path) -> None:
    """Of each session, also while others are being opened."""

    def configure(connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "shop.db", check_same_thread=False)

    with pingpool.open(DBAPI(connect, driver=sqlite3, configure=configure), size=2) as pool:
        for _ in range(4):
            with pool.session(SOON) as connection:
                assert connection.row_factory is sqlite3.Row
                connection.row_factory = None
        assert pool.stats().created == 2


@pytest.mark.server
@pytest.mark.parametrize("driver", ALL, ids=repr)
@pytest.mark.parametrize("reset", ["rollback", "full"])
def test_by_each_driver_of_mysql_it_lasts(mariadb_server: MariaDBServer, driver: Driver, reset: Any) -> None:
    """A variable, and a row of a temporary table that nobody committed."""

    async def in_loop(session: Any) -> None:
        async with session.cursor() as cursor:
            for statement in SHAPE:
                await cursor.execute(statement)

    def in_thread(session: Any) -> None:
        cursor = session.cursor()
        for statement in SHAPE:
            cursor.execute(statement)
        cursor.close()

    driver.load()
    if reset == "full" and driver.name in ("PyMySQL by connect=", "mysqlclient"):
        pytest.skip("it has no word for a full reset")
    configure = in_loop if driver.name == "aiomysql" else in_thread
    database = driver.database(mariadb_server, configure=configure, reset=reset)
    same, row = driver.hand_over(database, ["SELECT 1"], "SELECT @shape, count(*) FROM mine")
    assert same
    assert (int(row[0]), row[1]) == (7, 1)


SHAPE = [
    "SET @shape = 7",
    "CREATE TEMPORARY TABLE IF NOT EXISTS mine (number INTEGER)",
    "DELETE FROM mine",
    "INSERT INTO mine VALUES (21)",
]


@pytest.mark.server
def test_autocommit_that_it_sets_is_put_back_to(mariadb_server: MariaDBServer) -> None:
    """By PyMySQL: the server is told again what the session was configured with."""
    database = PYMYSQL.database(mariadb_server, configure=lambda session: session.autocommit(True))
    same, row = PYMYSQL.hand_over(database, ["SET autocommit = 0"], "SELECT @@autocommit")
    assert (same, row) == (True, (1,))
