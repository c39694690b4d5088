"""Any PEP 249 driver, tried with the one in the standard library."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import pingpool
from pingpool import Meaning, testing
from pingpool.databases.dbapi import DBAPI
from pingpool.testing import Clock


@pytest.fixture
def connect(tmp_path: Path) -> Callable[[], sqlite3.Connection]:
    """A recipe for connections to one file with a table."""

    def recipe() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "shop.db", check_same_thread=False)

    with recipe() as connection:
        connection.execute("CREATE TABLE stock (pieces INTEGER)")
        connection.execute("INSERT INTO stock VALUES (100)")
    connection.close()
    return recipe


class Silent:
    """A connection of a driver that does not tell whether a transaction is open."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_dead = False
        self.autocommit: bool | None = None

    def cursor(self) -> "Silent":
        """Be one's own cursor."""
        return self

    def execute(self, statement: str) -> None:
        """Note it, unless the server has gone."""
        if self.is_dead:
            raise sqlite3.OperationalError("connection reset")
        self.asked.append(statement)

    def fetchall(self) -> list[tuple[int]]:
        """Find the number that was selected, if it was one."""
        number = self.asked[-1].rpartition(" ")[2]
        return [(int(number),)] if number.isdigit() else []

    def rollback(self) -> None:
        """Note it, and send nothing where nothing is open."""
        self.asked.append("rollback()")

    def close(self) -> None:
        """Close cursor or connection."""


@pytest.mark.parametrize(("module", "ends"), [("pyodbc", []), ("another", ["close()"])])
def test_a_connection_of_pyodbc_is_left_to_its_last_reference(module: str, ends: list[str]) -> None:
    """To close it while a holder who was cut off drops a cursor of it corrupts memory. Others are closed."""
    done: list[str] = []

    class Connection(Silent):
        __module__ = module

        def close(self) -> None:
            done.append("close()")

    pingpool.open(DBAPI(Connection, looks_alive=lambda _: True), size=1).close()
    assert done == ends


def test_sessions_are_the_drivers_own(connect: Callable[[], sqlite3.Connection]) -> None:
    """What is lent is the driver's connection, typed as such."""
    with pingpool.open(DBAPI(connect, driver=sqlite3), size=2) as pool, pool.session() as connection:
        assert connection.execute("SELECT pieces FROM stock").fetchone() == (100,)


def test_what_was_left_open_is_rolled_back(connect: Callable[[], sqlite3.Connection]) -> None:
    """The next holder sees what was committed, and nothing else."""
    with pingpool.open(DBAPI(connect, driver=sqlite3), size=1) as pool:
        with pool.session() as connection:
            connection.execute("UPDATE stock SET pieces = 0")
        with pool.session() as again:
            assert again is connection
            assert not again.in_transaction
            assert again.execute("SELECT pieces FROM stock").fetchone() == (100,)


def test_a_driver_that_tells_is_asked_first(connect: Callable[[], sqlite3.Connection]) -> None:
    """Nothing is rolled back while nothing is open."""
    database = DBAPI(connect, driver=sqlite3)
    connection = connect()
    assert not database.needs_reset(connection)
    connection.execute("UPDATE stock SET pieces = 0")
    assert database.needs_reset(connection)
    connection.close()


@pytest.mark.parametrize(
    ("autocommit", "rolled_back"),
    [(None, ["rollback()"]), (False, ["rollback()"]), (True, ["rollback()", "ROLLBACK"])],
)
def test_a_driver_that_does_not_tell_is_rolled_back(autocommit: bool | None, rolled_back: list[str]) -> None:
    """Each time it comes back, and when it is new; in autocommit, where the driver would do nothing, by a statement."""
    with pingpool.open(DBAPI(Silent, looks_alive=lambda _: True), size=1) as pool:
        with pool.session() as connection:
            assert connection.asked == ["rollback()"]
            connection.asked.clear()
            connection.autocommit = autocommit
        with pool.session() as again:
            assert again is connection
            assert again.asked == rolled_back


def test_a_death_that_a_holder_keeps_to_himself_is_handed_on_to_nobody() -> None:
    """Where nobody can look, and a rollback sends nothing, it is proven each time that the connection is alive."""
    with pingpool.open(DBAPI(Silent, driver=sqlite3), size=1) as pool:
        with pool.session() as connection:
            connection.is_dead = True
            with suppress(sqlite3.Error):
                connection.execute("SELECT 1")
        with pool.session() as another:
            assert another is not connection
        assert pool.stats().replaced == {"gone": 1}


def test_a_ping_is_a_statement_that_leaves_nothing_open() -> None:
    """The proof of life is a round trip, after which no transaction is open."""
    clock = Clock()
    with testing.open(DBAPI(Silent, ping="SELECT 2"), size=1, ping_interval=60, clock=clock) as pool:
        clock.advance(60)
        with pool.session() as connection:
            assert connection.asked == ["rollback()", *2 * ("SELECT 2", "rollback()")]


def test_a_dead_connection_is_replaced(connect: Callable[[], sqlite3.Connection]) -> None:
    """An overdue connection that does not answer is never lent."""
    with pingpool.PingingPool[sqlite3.Connection](size=1, ping_interval=0) as pool:
        pool.bind(DBAPI(connect, driver=sqlite3))
        with pool.session() as connection:
            pass
        connection.close()
        with pool.session() as another:
            assert another.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_closed_in_use_is_replaced(connect: Callable[[], sqlite3.Connection]) -> None:
    """A holder that closes its connection costs itself a session, and nobody else."""
    with pingpool.open(DBAPI(connect, driver=sqlite3), size=1) as pool:
        with pool.session() as connection:
            connection.close()
        with pool.session() as another:
            assert another.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (sqlite3.OperationalError("server closed the connection unexpectedly"), Meaning.LOST),
        (sqlite3.InterfaceError("connection already closed"), Meaning.LOST),
        (sqlite3.OperationalError("MySQL server has gone away"), Meaning.LOST),
        (sqlite3.OperationalError("Lost connection to server during query"), Meaning.LOST),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), Meaning.LOST),
        (sqlite3.OperationalError("no such table: stock"), Meaning.UNKNOWN),
        (sqlite3.IntegrityError("UNIQUE constraint failed: closed.id"), Meaning.UNKNOWN),
        (ValueError("connection closed"), Meaning.UNKNOWN),
        (ConnectionRefusedError("connection closed"), Meaning.UNREACHABLE),
    ],
)
def test_disconnects_are_told_from_other_errors(error: Exception, meaning: Meaning) -> None:
    """An error of the driver that reads like a lost connection counts as one; no other does."""
    assert DBAPI(lambda: sqlite3.connect(":memory:"), driver=sqlite3).meaning_of(error) is meaning


def test_without_a_driver_no_error_is_a_disconnect() -> None:
    """A database that does not know its driver's errors does not guess."""
    assert DBAPI(Silent).meaning_of(sqlite3.OperationalError("server closed the connection")) is Meaning.UNKNOWN


def test_a_user_may_know_an_error_better() -> None:
    """`meaning_of` is asked first; where it has nothing to say, the error is judged by its class and its text."""
    said = {"out of order": Meaning.LOST, "connection closed, they say": Meaning.UNKNOWN}
    database = DBAPI(Silent, driver=sqlite3, meaning_of=lambda error: said.get(str(error)))
    assert database.meaning_of(ValueError("out of order")) is Meaning.LOST
    assert database.meaning_of(sqlite3.OperationalError("connection closed, they say")) is Meaning.UNKNOWN
    assert database.meaning_of(sqlite3.OperationalError("connection closed")) is Meaning.LOST
