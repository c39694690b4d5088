"""What one holder leaves never reaches the next, by drivers of PEP 249 that have no file of their own."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.databases.dbapi import DBAPI
from pingpool.testing.servers import PostgresServer
from tests.databases.dbapi_drivers import Driver, pg8000, psycopg, psycopg2
from tests.databases.waiting import SOON, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture(params=["psycopg2", "pg8000", "sqlite3"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    """Each of the drivers, with a table."""
    if request.param == "sqlite3":
        file = tmp_path / "shop.db"
        found = Driver(lambda: sqlite3.connect(file, check_same_thread=False), sqlite3)
    else:
        found = {"psycopg2": psycopg2, "pg8000": pg8000}[request.param](request.getfixturevalue("postgres_server"))
    connection = found.connect()
    for statement in ("DROP TABLE IF EXISTS handed", "CREATE TABLE handed (tag text)"):
        connection.cursor().execute(statement)
    connection.commit()
    connection.close()
    return found


def write(connection: Any, tag: str) -> None:
    """Insert a row."""
    connection.cursor().execute(f"INSERT INTO handed VALUES ('{tag}')")


def tags(connection: Any) -> list[str]:
    """Return what the table holds."""
    cursor = connection.cursor()
    cursor.execute("SELECT tag FROM handed ORDER BY tag")
    return [tag for (tag,) in cursor.fetchall()]


def begin_by_hand(connection: Any) -> None:
    """Put the connection into autocommit, and send a BEGIN all the same."""
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None
    else:
        connection.autocommit = True
    connection.cursor().execute("BEGIN")


@pytest.mark.parametrize("error", [None, ValueError("of the application")])
@pytest.mark.parametrize("by_hand", [False, True])
def test_no_transaction_is_handed_on(driver: Driver, by_hand: bool, error: Exception | None) -> None:
    """Whether the driver began it or the holder did, in autocommit: his write is gone, and the next one's stays."""
    with driver.pool() as pool:
        try:
            with pool.session() as connection:
                if by_hand:
                    begin_by_hand(connection)
                write(connection, "of a stranger")
                if error is not None:
                    raise error
        except ValueError:
            pass
        with pool.session(SOON) as again:
            assert again is connection
            write(again, "mine")
            again.commit()
        with pool.session(SOON) as third:
            assert tags(third) == ["mine"]
        assert pool.stats().replaced == {}


def test_what_was_set_on_the_connection_is_put_back(driver: Driver) -> None:
    """A holder's autocommit never decides over the next one's data."""
    with driver.pool() as pool:
        with pool.session() as connection:
            if isinstance(connection, sqlite3.Connection):
                connection.isolation_level, connection.row_factory = None, sqlite3.Row
            else:
                connection.autocommit = True
        with pool.session(SOON) as again:
            assert again is connection
            write(again, "half of a transfer")
            again.rollback()
        with pool.session(SOON) as third:
            assert tags(third) == []


def test_a_killed_session_is_lent_to_nobody_after_its_error(driver: Driver) -> None:
    """A rollback that asks nobody proves nothing: one holder has the error, and the next ones have none."""
    if driver.kill_all is None:
        pytest.skip("sessions of SQLite die by nobody's hand")
    with driver.pool() as pool:
        with pytest.raises(driver.module.Error), pool.session() as connection:
            driver.kill_all()
            write(connection, "lost")
        for _ in range(5):
            with pool.session(SOON) as other:
                assert other is not connection
                assert tags(other) == []


@pytest.mark.parametrize("rolls_back", [False, True])
def test_a_death_that_its_holder_swallowed_reaches_nobody(driver: Driver, rolls_back: bool) -> None:
    """The holder caught the error in his block, which ended well: the driver itself knows that the session is dead."""
    if driver.kill_all is None:
        pytest.skip("sessions of SQLite die by nobody's hand")
    with driver.pool() as pool:
        with pool.session() as connection:
            tags(connection)
            driver.kill_all()
            with pytest.raises(driver.module.Error):
                write(connection, "lost")
            if rolls_back:
                with suppress(driver.module.Error):
                    connection.rollback()
        with pool.session(SOON) as other:
            assert other is not connection
            assert tags(other) == []


def test_what_connecting_left_uncommitted_never_counts(driver: Driver) -> None:
    """A transaction that `connect` opened is rolled back before the first use, not between the first and the second."""

    def connect() -> Any:
        connection = driver.connect()
        write(connection, "of connecting")
        return connection

    with pingpool.open(DBAPI(connect, driver=driver.module), size=1) as pool:
        for _ in range(2):
            with pool.session(SOON) as connection:
                assert tags(connection) == []


def test_nothing_is_rolled_back_where_nothing_is_open(driver: Driver) -> None:
    """A driver that tells costs no reset after a use that committed, or did nothing."""
    with driver.pool() as pool:
        for _ in range(20):
            with pool.session(0):
                pass
            with pool.session(0) as connection:
                write(connection, "mine")
                connection.commit()
        assert pool.stats().waited == 0


def test_a_function_clears_the_session(driver: Driver) -> None:
    """It is called when the session is new, and each time it comes back, after the rollback."""
    seen: list[list[str]] = []

    def clear(connection: Any) -> None:
        seen.append(tags(connection))
        connection.rollback()

    with driver.pool(reset=clear) as pool:
        with pool.session() as connection:
            write(connection, "of a stranger")
        with pool.session(SOON):
            pass
    assert seen[:2] == [[], []]


def test_a_full_reset_is_refused() -> None:
    """There is no word for it that all databases know; the error says what to give instead."""
    with pytest.raises(ValueError, match="give a function"):
        DBAPI(lambda: sqlite3.connect(":memory:"), reset="full")


def test_an_answer_that_nobody_read_reaches_nobody(postgres_server: PostgresServer) -> None:
    """pg8000 is written in Python: an interrupt may come between a statement and its answer."""

    def interrupted(context: object) -> None:
        raise KeyboardInterrupt

    with pg8000(postgres_server).pool() as pool:
        with pool.session(SOON) as first, pytest.MonkeyPatch.context() as patched:
            patched.setattr(first, "handle_messages", interrupted)
            with pytest.raises(KeyboardInterrupt):
                first.cursor().execute("SELECT 'of the first'")
        with pool.session(SOON) as second:
            cursor = second.cursor()
            cursor.execute("SELECT 'of the second'")
            assert [*cursor.fetchall()] == [["of the second"]]
        assert pool.stats().replaced == {"left busy": 1}


@pytest.mark.parametrize("statement", ["nonsense", "SELECT 1 / 0"])
def test_a_refused_statement_was_answered(postgres_server: PostgresServer, statement: str) -> None:
    """An error of the server's ends a statement of pg8000's as well as an answer does: its session is kept."""
    driver = pg8000(postgres_server)
    with driver.pool() as pool:
        with pool.session(SOON) as first:
            for _ in range(2):
                with pytest.raises(driver.module.DatabaseError):
                    first.cursor().execute(statement)
                first.rollback()
        with pool.session(SOON) as second:
            assert second is first


def asleep(server: PostgresServer) -> bool:
    """Does a long statement run at the server?"""
    return (
        server.execute("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active'")
        != []
    )


@pytest.mark.parametrize("make", [psycopg, psycopg2, pg8000])
def test_a_statement_under_way_is_ended(
    postgres_server: PostgresServer, make: Callable[[PostgresServer], Driver]
) -> None:
    """The thread inside the driver is freed, nothing runs on at the server, and the session is lent to nobody."""
    with make(postgres_server).pool() as pool:
        first = pool.get()
        thread = threading.Thread(target=error_of, args=(first.cursor().execute, "SELECT pg_sleep(3600)"))
        thread.start()
        until(lambda: asleep(postgres_server))
        pool.put(first)
        with pool.session(SOON) as second:
            assert second is not first
        thread.join(SOON)
        assert not thread.is_alive()
        until(lambda: not asleep(postgres_server))
        assert pool.stats().replaced == {"left busy": 1}


@pytest.mark.parametrize("make", [psycopg, psycopg2, pg8000])
def test_abort_frees_the_thread_inside(
    postgres_server: PostgresServer, make: Callable[[PostgresServer], Driver]
) -> None:
    """A call that takes too long is given up by ending the stream."""
    driver = make(postgres_server)
    database = DBAPI(driver.connect, driver=driver.module)
    session = database.create(labels={}, timeout=SOON)
    thread = threading.Thread(target=error_of, args=(session.cursor().execute, "SELECT pg_sleep(3600)"))
    thread.start()
    until(lambda: asleep(postgres_server))
    database.abort(session)
    thread.join(SOON)
    assert not thread.is_alive()
    with suppress(driver.module.Error):  # it cannot say goodbye
        database.delete(session, timeout=SOON)
    postgres_server.terminate_backends()
