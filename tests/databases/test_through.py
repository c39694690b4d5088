"""Objects that wrap a driver's connection: what is known of the driver serves them, in both worlds."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool import CannotFill, Meaning
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.in_threads import InThreads
from pingpool.databases.mysql import MySQL
from pingpool.databases.postgres import AsyncPostgres, Postgres
from pingpool.databases.sqlite import Connection, SQLite
from pingpool.databases.through import AsyncThrough, Through
from pingpool.pool.hooks import overrides
from pingpool.testing import FakeSession, FaultyDatabase, TransactionalDatabase
from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.databases.mysql_drivers import PYMYSQL, Driver, run
from tests.databases.postgres_drivers import in_asyncio
from tests.databases.waiting import SOON, until

pytest_plugins = ["pingpool.testing.fixtures"]


class Wrapper:
    """What an application uses instead of the driver's connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.closed = 0

    def close(self) -> None:
        """Close it."""
        self.closed += 1
        self.connection.close()


def inside(wrapper: Wrapper) -> Any:
    """Return what is in it."""
    return wrapper.connection


def wrapping(database: Any, connect: Any) -> Through[Wrapper, Any]:
    """Return the wrappers of a database's connections, however they are opened."""
    return Through(database, create=lambda: Wrapper(connect()), unwrap=inside)


# ------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.mark.server
def test_nothing_is_handed_on_through_a_wrapper(postgres_server: PostgresServer) -> None:
    """A transaction, and what was set on a connection that the database did not open itself."""
    database = wrapping(
        Postgres(postgres_server.url, configure=lambda connection: connection.execute("SET timezone TO 'Asia/Tokyo'")),
        lambda: psycopg.connect(postgres_server.url),
    )
    with pingpool.open(database, size=1) as pool:
        with pool.session(SOON) as first:
            first.connection.execute("CREATE TEMP TABLE mine (i int)")
        with pool.session(SOON) as second:
            assert second is first
            assert second.connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)
            second.connection.rollback()
            second.connection.autocommit = True
        with pool.session(SOON) as third:
            assert third is first
            assert not third.connection.autocommit
            assert third.connection.execute("SHOW timezone").fetchone() == ("Asia/Tokyo",)
        assert pool.stats().created == 1
    assert first.closed == 1


@pytest.mark.server
def test_a_dead_connection_is_seen_through_its_wrapper(postgres_server: PostgresServer) -> None:
    """By the look at its socket: no use fails after all were killed."""
    database = wrapping(Postgres(postgres_server.url), lambda: psycopg.connect(postgres_server.url))
    with pingpool.open(database, size=3) as pool:
        for _ in range(3):
            lent = [pool.get(SOON) for _ in range(3)]
            for wrapper in lent:
                assert wrapper.connection.execute("SELECT 1").fetchone() == (1,)
                wrapper.connection.rollback()
                pool.put(wrapper)
            postgres_server.terminate_backends()
            for wrapper in lent:
                until(partial(hung_up, wrapper.connection))


def hung_up(connection: Any) -> bool:
    """Has the server hung up, or has the pool found that out already?"""
    return connection.closed or look_at(connection.fileno()) is Look.HUNG_UP


@pytest.mark.server
def test_a_statement_that_runs_on_is_cancelled(postgres_server: PostgresServer) -> None:
    """The wrapper's own close would leave it to the server."""
    database = wrapping(Postgres(postgres_server.url), lambda: psycopg.connect(postgres_server.url))
    with pingpool.open(database, size=1) as pool:
        with suppress(KeyboardInterrupt), pool.session(SOON) as wrapper:
            wrapper.connection.pgconn.send_query(b"SELECT pg_sleep(60)")
            raise KeyboardInterrupt
        with pool.session(SOON) as another:
            assert another is not wrapper
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    until(lambda: not int(postgres_server.execute(running)[0][0]))
    assert wrapper.closed == 1


@pytest.mark.server
@in_asyncio
async def test_nothing_is_handed_on_through_a_wrapper_in_asyncio(postgres_server: PostgresServer) -> None:
    """The same there; the wrapper's close is awaited."""

    async def configure(connection: Any) -> None:
        await connection.execute("SET timezone TO 'Asia/Tokyo'")

    class AsyncWrapper(Wrapper):
        async def close(self) -> None:  # type: ignore[override]
            self.closed += 1
            await self.connection.close()

    async def create(timeout: float) -> AsyncWrapper:
        assert timeout == 7
        return AsyncWrapper(await psycopg.AsyncConnection.connect(postgres_server.url))

    database = AsyncThrough(AsyncPostgres(postgres_server.url, configure=configure), create=create, unwrap=inside)
    async with pingpool.open_async(database, size=1, io_timeout=7) as pool:
        async with pool.session(SOON) as first:
            await first.connection.execute("CREATE TEMP TABLE mine (i int)")
        async with pool.session(SOON) as second:
            assert second is first
            cursor = await second.connection.execute("SELECT to_regclass('mine')")
            assert await cursor.fetchone() == (None,)
            cursor = await second.connection.execute("SHOW timezone")
            assert await cursor.fetchone() == ("Asia/Tokyo",)
        postgres_server.terminate_backends()
        async with pool.session(SOON):
            pass
    assert first.closed == 1


@pytest.mark.server
def test_an_error_that_wraps_the_drivers_is_understood(postgres_server: PostgresServer) -> None:
    """As an ORM's is, which tells the driver's as its cause."""
    database = wrapping(Postgres(postgres_server.url), lambda: psycopg.connect(postgres_server.url))

    class OfTheWrapper(Exception):
        """An error of the ORM's."""

    def wrapped(error: Exception) -> BaseException:
        try:
            raise OfTheWrapper from error
        except OfTheWrapper as caught:
            return caught

    assert database.meaning_of(wrapped(psycopg.OperationalError("the connection is lost"))) is Meaning.LOST
    assert database.meaning_of(wrapped(psycopg.DataError())) is Meaning.UNKNOWN
    assert database.meaning_of(wrapped(KeyError())) is Meaning.FOREIGN


# ------------------------------------------------------------------------------------- MySQL, SQLite, PEP 249


@pytest.mark.server
def test_connections_of_mysql_that_others_opened_are_known(mariadb_server: MariaDBServer) -> None:
    """By a `connect=`; those of `MySQL` itself are opened by it."""
    by_others = Driver("PyMySQL by connect=", "pymysql", ssl_disabled=True)
    connect = by_others.connecting(mariadb_server, False)
    own = PYMYSQL.database(mariadb_server)
    for database, opened in (
        (MySQL(connect=connect), connect),
        (own, lambda: own.create(labels={}, timeout=SOON)),
    ):
        with pingpool.open(wrapping(database, opened), size=1) as pool:
            with pool.session(SOON) as first:
                run(first.connection, "CREATE TEMPORARY TABLE mine (i int)")
                run(first.connection, "INSERT INTO mine VALUES (1)")
            with pool.session(SOON) as second:
                assert second is first
                assert run(second.connection, "SELECT count(*) FROM mine") == (0,)
            assert pool.stats().created == 1


def test_connections_of_sqlite_are_known(tmp_path: Path) -> None:
    """By what the standard library's driver tells, and by our own kind."""
    ours = SQLite(tmp_path / "shop.db")
    for database, opened in (
        (ours, lambda: ours.create(labels={}, timeout=SOON)),
        (DBAPI(lambda: None), lambda: ours.create(labels={}, timeout=SOON)),  # type: ignore[arg-type,return-value]
    ):
        with pingpool.open(wrapping(database, opened), size=1) as pool:
            for _ in range(3):
                with pool.session(SOON) as wrapper:
                    assert not wrapper.connection.in_transaction
                    wrapper.connection.execute("CREATE TABLE IF NOT EXISTS t (i INTEGER)")
                    wrapper.connection.execute("INSERT INTO t VALUES (1)")
            assert pool.stats().created == 1


# ------------------------------------------------------------------------------------------------ SQLAlchemy


@pytest.fixture
def records(postgres_server: PostgresServer) -> Iterator[Through[Any, Any]]:
    """The records of a SQLAlchemy engine, whose connections the database opens."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    database = Postgres(postgres_server.url)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: database.create(labels={"of": "records"}, timeout=SOON)
    )
    yield Through(
        database,
        create=lambda: engine.pool._create_connection(),
        unwrap=lambda record: record.dbapi_connection,
    )
    engine.dispose()


@pytest.mark.server
def test_records_of_sqlalchemy_are_pooled(postgres_server: PostgresServer, records: Through[Any, Any]) -> None:
    """They survive a killing without an error, are rolled back, and one that was invalidated is replaced."""
    with pingpool.open(records, size=2, wait_for=None) as pool:
        for _ in range(4):
            with pool.session(SOON) as record:
                record.dbapi_connection.execute("CREATE TEMP TABLE mine (i int)")
        assert pool.stats().created == 2
        postgres_server.terminate_backends()
        with pool.session(SOON) as record:
            assert record.dbapi_connection.execute("SELECT 1").fetchone() == (1,)
            record.invalidate()
        with pool.session(SOON) as another, pool.session(SOON) as third:
            assert another.dbapi_connection.execute("SELECT 1").fetchone() == (1,)
            assert record not in (another, third)
        assert pool.stats().replaced.keys() <= {"changed", "gone"}  # the server's goodbye may be heard first


# ---------------------------------------------------------------------------------------- without a server


class Fakes:
    """A database of fake sessions, and wrappers around them."""

    def __init__(self, database: FaultyDatabase) -> None:
        self.database = database
        self.wrappers = Through(database, create=self.create, unwrap=inside)

    def create(self) -> Wrapper:
        return Wrapper(self.database.create(labels={}, timeout=SOON))


def test_a_wrapper_that_lost_its_connection_is_ended() -> None:
    """Or that has another one by now, which nobody has configured."""
    database = TransactionalDatabase()
    FakeSession.close = lambda session: None  # type: ignore[attr-defined]
    try:
        with pingpool.open(Fakes(database).wrappers, size=1) as pool:
            for other in (None, FakeSession(99, {})):
                with pool.session(SOON) as wrapper:
                    wrapper.connection, lost = other, wrapper.connection
                with pool.session(SOON) as another:
                    assert another is not wrapper
                assert lost.is_alive
            assert dict(pool.stats().replaced) == {"changed": 2}
    finally:
        del FakeSession.close  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [FaultyDatabase, TransactionalDatabase])
def test_a_pool_is_offered_what_the_database_has(kind: type[FaultyDatabase]) -> None:
    """What that has no version of must look so, also in threads: then it is not asked for."""
    wrappers = Fakes(kind()).wrappers
    for name in ("looks_alive", "survived_interrupt", "abort", "expires_in", "check", "unlock", "create_many"):
        has_it = name in ("looks_alive", "survived_interrupt", "abort") and kind is TransactionalDatabase
        assert overrides(wrappers, name) is has_it
        if name not in ("abort", "survived_interrupt"):  # the latter cannot be known of what runs in a thread
            assert overrides(InThreads(wrappers), name) is has_it


def test_a_wrapper_without_a_close_is_ended_through() -> None:
    """By the database."""

    class Bare:
        def __init__(self, connection: FakeSession) -> None:
            self.connection = connection

    database = TransactionalDatabase()
    wrappers = Through(
        database, create=lambda: Bare(database.create(labels={}, timeout=1)), unwrap=lambda bare: bare.connection
    )
    with pingpool.open(wrappers, size=2) as pool, pool.session(SOON) as bare:
        assert not bare.connection.is_deleted
    until(lambda: database.live == [])


def test_the_same_wrappers_are_the_same_database() -> None:
    """So that a pool may be bound to them again."""
    database = TransactionalDatabase()

    def create() -> Wrapper:
        return Wrapper(None)

    assert Through(database, create=create, unwrap=inside) == Through(database, create=create, unwrap=inside)
    assert Through(database, create=create, unwrap=inside) != Through(FaultyDatabase(), create=create, unwrap=inside)
    assert "TransactionalDatabase" in Through(database, create=create, unwrap=inside).name


def test_what_cannot_work_is_refused() -> None:
    """By its name, at once."""

    async def create() -> Wrapper:
        return Wrapper(None)

    database = FaultyDatabase()
    with pytest.raises(TypeError, match="AsyncThrough"):
        Through(database, create=create, unwrap=inside)
    with pytest.raises(TypeError, match=r"its unwrap\(\) is called as unwrap"):
        Through(database, create=lambda: Wrapper(None), unwrap=lambda: None)  # type: ignore[misc,arg-type]
    with pytest.raises(TypeError, match=r"its create\(session\) is called as create"):
        Through(database, create=lambda session: session, unwrap=inside)
    with pytest.raises(CannotFill, match="let go of its connection"):
        pingpool.open(Through(database, create=lambda: Wrapper(None), unwrap=inside), size=1)


def test_a_wrapper_lends_its_own_kind(tmp_path: Path) -> None:
    """What is lent is the wrapper, not what is inside."""
    ours = SQLite(tmp_path / "shop.db")
    with pingpool.open(wrapping(ours, ours.open), size=1) as pool, pool.session(SOON) as wrapper:
        assert isinstance(wrapper, Wrapper)
        assert isinstance(wrapper.connection, Connection)
    assert asyncio.iscoroutinefunction(AsyncThrough.create)
