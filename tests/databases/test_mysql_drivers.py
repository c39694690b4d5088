"""Each driver of MySQL that the docs name, on a real MariaDB: ends under a running call, looks, and what is owed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import pingpool
from pingpool import PingingPool
from pingpool.databases.mysql import MySQL
from pingpool.testing import Clock, equip
from pingpool.testing.servers import MariaDBServer
from tests.databases.mysql_drivers import AIOMYSQL, OTHERS, PYMYSQL, THREADS, Driver, run
from tests.databases.mysql_lab import sleeping
from tests.databases.waiting import SOON, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

LONG = "SELECT SLEEP(60)"

every = pytest.mark.parametrize("driver", THREADS, ids=repr)


def counted(server: MariaDBServer, name: str) -> int:
    """Return a counter of the server."""
    return int(server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


@contextmanager
def statement_under_way(server: MariaDBServer, session: Any) -> Iterator[threading.Thread]:
    """Have a thread run a long statement on a session; it ends when the statement does, however that is."""

    def ask() -> None:
        try:
            run(session, LONG)
        except Exception:
            return

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: sleeping(server) == 1)
    yield thread
    thread.join(SOON)
    assert not thread.is_alive()


# Life and death


@every
def test_sessions_killed_while_idle_are_replaced(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """Every driver shows its socket, so their next holders notice nothing."""
    with pingpool.open(driver.database(mariadb_server), size=2) as pool:
        mariadb_server.terminate_backends()
        for _ in range(4):
            with pool.session(timeout=SOON) as session:
                assert run(session, "SELECT 1") == (1,)


@every
def test_a_session_lives_through_its_pings(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """A new session looks alive, and so after a ping; one that was closed here does not."""
    database = driver.database(mariadb_server)
    session = database.create(labels={}, timeout=SOON)
    for _ in range(2):
        assert database.looks_alive(session)
        database.ping(session, timeout=SOON)
    session.close()
    assert not database.looks_alive(session)


@every
def test_sessions_that_were_pinged_are_ended_in_good_order(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """Nothing is under way in them, so nobody connects once more to end them at the server."""
    clock = Clock()
    with equip(PingingPool[Any](2, ping_interval=10), clock=clock) as pool:
        pool.bind(driver.database(mariadb_server))
        clock.advance(11)
        assert pool.ping() == 2
        connected = counted(mariadb_server, "Connections")
        pool.close()
        assert counted(mariadb_server, "Connections") == connected + 1  # that of whoever counts


# Ends under a running call


@every
def test_abort_frees_the_thread_inside(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """By a descriptor noted when the session was new: while it is in use some drivers do not tell it."""
    database = driver.database(mariadb_server)
    session = database.create(labels={}, timeout=SOON)
    with statement_under_way(mariadb_server, session) as thread:
        database.abort(session)
        thread.join(SOON)
    database.looks_alive(session)  # its last holder is known to be gone: here it would be a checkout
    database.delete(session, timeout=SOON)
    until(lambda: sleeping(mariadb_server) == 0)


@every
def test_a_session_that_comes_back_with_a_thread_inside_is_ended(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """The statement is ended at the server first, and the session is never lent meanwhile."""
    with pingpool.open(driver.database(mariadb_server), size=1) as pool:
        first = pool.get()
        with statement_under_way(mariadb_server, first):
            pool.put(first)
            with pool.session(timeout=SOON) as second:
                assert second is not first
                assert run(second, "SELECT 'mine'") == ("mine",)
            until(lambda: sleeping(mariadb_server) == 0)


def test_a_pool_never_has_more_statements_at_the_server_than_sessions(mariadb_server: MariaDBServer) -> None:
    """A statement whose holder was cut off, by PyMySQL's own time-out here, ends at the server too."""
    database = PYMYSQL.database(mariadb_server, read_timeout=0.2)
    with pingpool.open(database, size=2, io_timeout=SOON) as pool:
        for _ in range(6):
            with pytest.raises(pingpool_error()), pool.session(timeout=SOON) as session:
                run(session, LONG)
            assert sleeping(mariadb_server) <= 2
        until(lambda: sleeping(mariadb_server) == 0)


def pingpool_error() -> type[Exception]:
    """Return PyMySQL's own error."""
    error: type[Exception] = PYMYSQL.load().Error
    return error


# What is unread


@pytest.mark.parametrize("driver", [PYMYSQL, *OTHERS], ids=repr)
def test_results_that_nobody_fetched_do_not_reach_the_next_holder(
    mariadb_server: MariaDBServer, driver: Driver
) -> None:
    """Neither the rest of a stream nor the further results of a procedure; in order, or on another session."""
    mariadb_server.execute(
        "DELIMITER //\nCREATE OR REPLACE PROCEDURE three() BEGIN SELECT 1; SELECT 'a secret'; SELECT 3; END//"
    )
    with pingpool.open(driver.database(mariadb_server, autocommit=True), size=1) as pool:
        with pool.session(timeout=SOON) as first:
            cursor = first.cursor()
            cursor.execute("CALL three()")
            cursor.fetchall()
        for _ in range(3):
            with pool.session(timeout=SOON) as second:
                assert run(second, "SELECT 'mine'") == ("mine",)


# What is owed


@pytest.mark.parametrize("use", [(), ("INSERT INTO deeds VALUES (1)", "COMMIT")], ids=["unused", "committed"])
def test_nothing_is_rolled_back_where_nothing_is_open(mariadb_server: MariaDBServer, use: tuple[str, ...]) -> None:
    """Outside autocommit too, PyMySQL's default: not one rollback in a hundred uses, counted at the server."""
    mariadb_server.execute("CREATE OR REPLACE TABLE deeds (text text) ENGINE=InnoDB")
    with pingpool.open(PYMYSQL.database(mariadb_server), size=1) as pool:
        before = counted(mariadb_server, "Com_rollback")
        for _ in range(100):
            with pool.session(timeout=SOON) as session:
                for statement in use:
                    session.commit() if statement == "COMMIT" else run(session, statement)
        assert counted(mariadb_server, "Com_rollback") == before
        with pool.session(timeout=SOON) as session:
            run(session, "SELECT * FROM deeds")
        until(lambda: counted(mariadb_server, "Com_rollback") == before + 1)
    mariadb_server.execute("DROP TABLE deeds")


def test_nothing_is_rolled_back_by_aiomysql_where_nothing_is_open(mariadb_server: MariaDBServer) -> None:
    """The same for asyncio: what a COMMIT has ended is not ended again, what a SELECT opened is."""
    mariadb_server.execute("CREATE OR REPLACE TABLE deeds (text text) ENGINE=InnoDB")
    database = AIOMYSQL.database(mariadb_server)
    before = counted(mariadb_server, "Com_rollback")
    AIOMYSQL.hand_over(database, ["INSERT INTO deeds VALUES (1)", "COMMIT"], "SELECT 1")
    assert counted(mariadb_server, "Com_rollback") == before
    AIOMYSQL.hand_over(database, ["SELECT * FROM deeds"], "SELECT 1")
    assert counted(mariadb_server, "Com_rollback") == before + 1
    mariadb_server.execute("DROP TABLE deeds")


# What a holder sets on the connection itself


def dirty(name: str, value: Any) -> Callable[[Any], None]:
    """Return a function that sets something on a session."""
    return lambda session: setattr(session, name, value)


SET_ON_PYMYSQL: dict[str, Callable[[Any], object]] = {
    "autocommit": lambda session: session.autocommit(True),
    "cursorclass": lambda session: setattr(session, "cursorclass", PYMYSQL.load().cursors.DictCursor),
    "decoders": dirty("decoders", {}),
    "encoders": dirty("encoders", {}),
    "patience": dirty("_read_timeout", 7),
    "charset": lambda session: session.set_character_set("latin1"),
}


@pytest.mark.parametrize("what", SET_ON_PYMYSQL)
def test_what_is_set_on_pymysqls_connection_is_put_back(mariadb_server: MariaDBServer, what: str) -> None:
    """Seen without a round trip, put back by the workers; the session stays."""

    def seen(pool: PingingPool[Any]) -> tuple[Any, ...]:
        with pool.session(timeout=SOON) as session:
            server = run(session, "SELECT @@autocommit, @@character_set_client")
            return session, server, *(getattr(session, name) for name in ("cursorclass", "decoders", "_read_timeout"))

    with pingpool.open(PYMYSQL.database(mariadb_server), size=1) as pool:
        at_first = seen(pool)
        with pool.session() as session:
            SET_ON_PYMYSQL[what](session)
        assert seen(pool) == at_first


@pytest.mark.parametrize("driver", OTHERS, ids=repr)
def test_autocommit_is_put_back_in_every_driver(mariadb_server: MariaDBServer, driver: Driver) -> None:
    """One holder's autocommit never decides over the next one's data."""

    def turn_on(session: Any) -> None:
        if callable(getattr(type(session), "autocommit", None)):
            session.autocommit(True)
        else:
            session.autocommit = True

    with pingpool.open(driver.database(mariadb_server), size=1) as pool:
        with pool.session(timeout=SOON) as session:
            turn_on(session)
        with pool.session(timeout=SOON) as session:
            assert run(session, "SELECT @@autocommit") == (0,)


class WithoutWeakReferences:
    """PyMySQL's connection in an object as C makes them."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        object.__setattr__(self, "_connection", connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._connection, name, value)

    def autocommit(self, wanted: bool) -> None:
        """Set it."""
        self._connection.autocommit(wanted)


def test_a_connection_that_takes_no_weak_references_is_pooled_like_any_other(mariadb_server: MariaDBServer) -> None:
    """It is lent again, and proven on a node that takes writes; its autocommit is put back."""
    driver = OTHERS[0]
    connect = driver.connecting(mariadb_server, False)
    database = MySQL(connect=lambda: WithoutWeakReferences(connect()))
    with pingpool.open(database, size=1) as pool:
        with pool.session(timeout=SOON) as first:
            first.autocommit(True)
        with pool.session(timeout=SOON) as second:
            assert second is first
            assert run(second, "SELECT @@autocommit") == (0,)
            database.meaning_of(driver.load().OperationalError(1290, "running with the --read-only option"))
            database.ping(second, timeout=SOON)
        assert pool.stats().replaced == {}
