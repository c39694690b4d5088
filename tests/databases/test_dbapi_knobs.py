"""What may be given to `DBAPI` besides, and drivers that it knows by their documented names.

DuckDB is real. For Oracle and SQL Server there is no server to be had: their connections are stand-ins, which show what
oracledb 26.1 and pymssql 2.4 have, by the names of their manuals.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pingpool
from pingpool import PingingPool
from pingpool.databases.dbapi import DBAPI
from tests.databases.waiting import SOON


@pytest.fixture
def connect(tmp_path: Path) -> Callable[[], sqlite3.Connection]:
    """A recipe for connections to one file."""
    return lambda: sqlite3.connect(tmp_path / "shop.db", check_same_thread=False)


# ------------------------------------------------------------------------------------------------------ knobs


def test_a_function_tells_what_else_is_open(connect: Callable[[], sqlite3.Connection]) -> None:
    """Beside what the driver tells; what a reset does not undo is ended."""
    busy: list[sqlite3.Connection] = []
    database = DBAPI(connect, driver=sqlite3, needs_reset=lambda connection: connection in busy)
    with pingpool.open(database, size=1) as pool:
        with pool.session(SOON) as first:
            busy.append(first)
        with pool.session(SOON) as second:
            assert second is not first
            second.execute("CREATE TABLE t (i INTEGER)")
            second.execute("INSERT INTO t VALUES (1)")
        with pool.session(SOON) as third:
            assert third is second
            assert not third.in_transaction
        assert dict(pool.stats().replaced) == {"left open": 1}


class Unspoken:
    """A connection that tells nothing of itself."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def cursor(self) -> "Unspoken":
        return self

    def execute(self, statement: str) -> None:
        self.done.append(statement)

    def fetchall(self) -> list[tuple[int]]:
        return [(int(self.done[-1].rpartition(" ")[2]),)]

    def commit(self) -> None:
        self.done.append("commit()")

    def rollback(self) -> None:
        self.done.append("rollback()")

    def close(self) -> None:
        """Close it, or a cursor of it."""


def test_a_function_that_knows_spares_a_rollback() -> None:
    """Where the driver cannot tell, but the function can."""
    with pingpool.open(DBAPI(Unspoken, needs_reset=lambda connection: False), size=1) as pool:
        with pool.session(SOON):
            pass
        with pool.session(SOON) as connection:
            assert connection.done == []


def test_what_a_socket_shows_is_seen(connect: Callable[[], sqlite3.Connection]) -> None:
    """A connection whose socket is closed is never lent."""
    closed: list[sqlite3.Connection] = []
    there, here = __import__("socket").socketpair()
    with there, here:
        database = DBAPI(connect, driver=sqlite3, socket=lambda connection: None if connection in closed else here)
        with pingpool.open(database, size=1) as pool:
            with pool.session(SOON) as first:
                closed.append(first)
            with pool.session(SOON) as second:
                assert second is not first
        database.abort(second)
        assert there.recv(1) == b""


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("needs_reset", lambda: True),
        ("looks_alive", lambda: True),
        ("socket", lambda: None),
        ("survived_interrupt", lambda: True),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(name: str, function: Any) -> None:
    """At once, by its name."""
    with pytest.raises(TypeError, match=rf"its {name}\(\) is called as {name}\(…\)"):
        DBAPI(Unspoken, **{name: function})


# ----------------------------------------------------------------------------------------------------- DuckDB


@pytest.fixture
def duckdb() -> Any:
    """The driver."""
    return pytest.importorskip("duckdb")


@pytest.fixture
def shop(duckdb: Any) -> Iterator[PingingPool[Any]]:
    """A pool of one connection to a named memory, which lasts as long as one connection to it."""
    database = DBAPI(
        lambda: duckdb.connect(":memory:pingpool"),
        driver=duckdb,
        configure=lambda connection: connection.execute("CREATE TABLE t AS SELECT 1 AS i"),
    )
    with pingpool.open(database, size=1) as pool:
        yield pool


def test_a_connection_of_duckdb_is_kept(shop: PingingPool[Any]) -> None:
    """Its `rollback` raises where nothing is open, which counts as done."""
    for error in [None, ValueError()] * 5:
        with suppress(ValueError), shop.session(SOON) as connection:
            assert connection.execute("SELECT i FROM t").fetchall() == [(1,)]
            if error is not None:
                raise error
    with shop.session(SOON):
        assert (shop.stats().created, dict(shop.stats().replaced)) == (1, {})


def test_a_transaction_of_duckdb_is_rolled_back(shop: PingingPool[Any]) -> None:
    """What one holder began and did not end, the next one does not see."""
    with shop.session(SOON) as connection:
        connection.begin()
        connection.execute("INSERT INTO t VALUES (2)")
    with shop.session(SOON) as again:
        assert again is connection
        assert again.execute("SELECT i FROM t").fetchall() == [(1,)]


def test_what_configures_duckdb_is_kept(duckdb: Any) -> None:
    """A transaction that was left open for it is committed."""

    def configure(connection: Any) -> None:
        connection.begin()
        connection.execute("CREATE TABLE mine AS SELECT 7 AS i")

    database = DBAPI(lambda: duckdb.connect(":memory:"), driver=duckdb, configure=configure)
    with pingpool.open(database, size=1) as pool, pool.session(SOON) as connection:
        assert connection.execute("SELECT i FROM mine").fetchall() == [(7,)]


def test_a_ping_of_duckdb_that_hangs_is_stopped(duckdb: Any) -> None:
    """DuckDB has no socket that could be ended, but a word for it."""
    stopped = threading.Event()

    class Stoppable:
        """A connection that tells when a statement has ended."""

        def __init__(self) -> None:
            self._connection = duckdb.connect(":memory:")
            self.interrupt, self.close = self._connection.interrupt, self._connection.close
            self.rollback, self.commit = self._connection.rollback, self._connection.commit

        def cursor(self) -> "Stoppable":
            return self

        def execute(self, statement: str) -> None:
            try:
                self._connection.execute(statement)
            finally:
                stopped.set()

        def fetchall(self) -> list[tuple[int]]:
            return []

    endless = "SELECT count(*) FROM range(10000000000) AS a, range(10000000000) AS b WHERE a.range = b.range + 1"
    pool: PingingPool[Stoppable] = PingingPool(1, ping_interval=0, io_timeout=1)
    pool.bind(DBAPI(Stoppable, driver=duckdb, ping=endless, looks_alive=lambda _: True))
    pool.ping()
    assert stopped.wait(SOON)
    pool.close()


# ------------------------------------------------------------------------------------- Oracle, SQL Server


class OfOracle(Unspoken):
    """What is used of an `oracledb.Connection`."""

    __module__ = "oracledb.connection"
    transaction_in_progress = False
    autocommit = False
    call_timeout = 0
    inputtypehandler = outputtypehandler = None
    healthy = True

    def is_healthy(self) -> bool:
        return self.healthy

    def execute(self, statement: str) -> None:
        if "FROM" not in statement:
            raise AssertionError("ORA-00923: FROM keyword not found where expected")

    def ping(self) -> None:
        self.done.append("ping()")

    def cancel(self) -> None:
        self.done.append("cancel()")

    def rollback(self) -> None:
        super().rollback()
        self.transaction_in_progress = False


ORACLE = SimpleNamespace(__name__="oracledb", Connection=OfOracle)


def test_oracle_tells_of_its_transactions_and_its_health() -> None:
    """Nothing is rolled back where nothing is open; one that is not healthy is not lent."""
    with pingpool.open(DBAPI(OfOracle, driver=ORACLE), size=1) as pool:
        with pool.session(SOON) as first:
            assert first.done == []
            first.transaction_in_progress = True
        with pool.session(SOON) as again:
            assert again is first
            assert again.done == ["rollback()"]
            again.healthy = False
        with pool.session(SOON) as another:
            assert another is not first


def test_oracle_is_pinged_in_its_own_way() -> None:
    """Before version 23 it knows no SELECT without a FROM; and a statement that hangs is cancelled."""
    database = DBAPI(OfOracle, driver=ORACLE)
    connection = OfOracle()
    database.ping(connection, timeout=SOON)
    database.abort(connection)
    assert connection.done == ["ping()", "cancel()"]


class OfSQLServer(Unspoken):
    """What is used of a `pymssql.Connection`, in autocommit, where the server complains of needless ends."""

    __module__ = "pymssql._pymssql"
    autocommit_state = True
    in_hand = 0

    def autocommit(self, status: bool) -> None:
        """Switch it."""

    def commit(self) -> None:
        """Do nothing: it is in autocommit."""

    def rollback(self) -> None:
        """Do nothing: it is in autocommit."""

    def execute(self, statement: str) -> None:
        super().execute(statement)
        if statement in ("COMMIT", "ROLLBACK") and not self.in_hand:
            raise RuntimeError(f"(3903) The {statement} TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.in_hand = int(statement == "BEGIN TRANSACTION")


def test_sql_server_is_rolled_back_by_a_statement_in_autocommit() -> None:
    """Its complaint that there is nothing to end counts as done."""
    begin: list[OfSQLServer] = []

    def configure(connection: OfSQLServer) -> None:
        begin.append(connection)
        connection.execute("BEGIN TRANSACTION")

    with pingpool.open(DBAPI(OfSQLServer, configure=configure), size=1) as pool:
        for _ in range(3):
            with pool.session(SOON) as connection:
                assert not connection.in_hand
                connection.execute("BEGIN TRANSACTION")
        with pool.session(SOON):
            assert (pool.stats().created, len(begin)) == (1, 1)
        assert begin[0].done[:2] == ["BEGIN TRANSACTION", "COMMIT"]
