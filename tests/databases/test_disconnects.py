"""A dozen drivers' ways to say that a connection is gone, as data, and what must not be taken for one of them."""

import socket
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.mysql import MySQL


class Error(Exception):
    """The root of a driver's errors, as PEP 249 has it."""


class InterfaceError(Error):
    """Of the driver."""


class DatabaseError(Error):
    """Of the database."""


class OperationalError(DatabaseError):
    """Of the connection, say."""


class InternalError(DatabaseError):
    """Of the server."""


class ProgrammingError(DatabaseError):
    """Of the statement."""


DRIVER = SimpleNamespace(Error=Error, InterfaceError=InterfaceError, DatabaseError=DatabaseError)


class Case(NamedTuple):
    """What a driver raises: its class, its arguments, and what else it carries."""

    driver: str
    kind: type[Error]
    args: tuple[Any, ...]
    carries: Mapping[str, Any] = MappingProxyType({})

    @property
    def error(self) -> Error:
        """The error, as the driver raises it."""
        error = self.kind(*self.args)
        vars(error).update(self.carries)
        return error


ODBC = "[Microsoft][ODBC Driver 18 for SQL Server]"

GONE = [
    Case("psycopg2", OperationalError, ("terminating connection",), {"pgcode": "57P01"}),
    Case("psycopg2", OperationalError, ("could not receive data from server: Connection timed out",)),
    Case("psycopg2", OperationalError, ("could not send data to server: No route to host",)),
    Case("psycopg2", DatabaseError, ("server closed the connection unexpectedly",)),
    Case("psycopg2", DatabaseError, ("error with status PGRES_TUPLES_OK and no message from the libpq",)),
    Case("psycopg2", InterfaceError, ("connection already closed",)),
    Case("psycopg", OperationalError, ("x",), {"sqlstate": "57P05"}),
    Case("psycopg", OperationalError, ("the connection is closed",), {"sqlstate": None}),
    Case("pg8000", InterfaceError, ("network error",)),
    Case("pg8000", DatabaseError, ({"S": "FATAL", "C": "57P01", "M": "terminating connection"},)),
    Case("pyodbc", OperationalError, ("08S01", "[08S01] SQLExecDirectW unable due to the connection lost")),
    Case("pyodbc", OperationalError, ("08S01", f"[08S01] {ODBC}TCP Provider: Error code 0x68 (104)")),
    Case("pyodbc", OperationalError, ("08S01", f"[08S01] {ODBC}Communication link failure (0)")),
    Case("pyodbc", Error, ("HY000", f"[HY000] {ODBC}Unspecified error. Connection may have been terminated.")),
    Case("pymssql", OperationalError, (20047, b"DB-Lib error message 20047: DBPROCESS is dead or not enabled")),
    Case("pymssql", OperationalError, (20003, b"DB-Lib error: Adaptive Server connection timed out")),
    Case("oracledb", DatabaseError, ("ORA-03113: end-of-file on communication channel",)),
    Case("oracledb", OperationalError, ("ORA-03135: connection lost contact",)),
    Case("oracledb", OperationalError, ("DPY-4011: the database or network closed the connection",)),
    Case("oracledb", DatabaseError, ("ORA-00028: your session has been killed",)),
    Case("oracledb", DatabaseError, ("ORA-02396: exceeded maximum idle time, please connect again",)),
    Case("oracledb", DatabaseError, ("ORA-01012: not logged on",)),
    Case("PyMySQL", OperationalError, (2013, "Lost connection to MySQL server during query")),
    Case("mysqlclient", OperationalError, (2006, "Server has gone away")),
    Case("mysqlclient", OperationalError, (4031, "The client was disconnected because of inactivity.")),
    Case("mysqlclient", OperationalError, (1053, "Server shutdown in progress")),
    Case("mysql-connector", OperationalError, ("2055: Lost it",), {"errno": 2055, "sqlstate": None}),
    Case("mysql-connector", OperationalError, ("MySQL Connection not available.",), {"errno": -1, "sqlstate": None}),
    Case("mariadb", InterfaceError, ("Server has gone away",), {"errno": 2006, "sqlstate": "HY000"}),
    Case("ibm_db", OperationalError, ("[IBM][CLI Driver] SQL30081N  A communication error SQLSTATE=08001",)),
    Case("ibm_db", OperationalError, ("SQL30081N A communication error has been detected.",)),
    Case("snowflake", ProgrammingError, ("Token has expired.",), {"errno": 390114, "sqlstate": "08001"}),
    Case("hdbcli", Error, (-10807, "Connection down: Socket closed by peer")),
    Case("firebird", DatabaseError, ("connection lost to database",), {"sqlstate": "08006"}),
    Case("trino", OperationalError, ("[Errno 32] Broken pipe",)),
    Case("sqlite3", ProgrammingError, ("Cannot operate on a closed database.",)),
]

NOT_GONE = [
    Case("psycopg2", ProgrammingError, ('column "closed" does not exist',), {"pgcode": "42703"}),
    Case("no code", ProgrammingError, ('column "closed connection" does not exist',)),
    Case("psycopg2", InterfaceError, ("cursor already closed",)),
    Case("psycopg2", OperationalError, ("canceling statement: lost connection",), {"pgcode": "57014"}),
    Case("pg8000", DatabaseError, ({"S": "ERROR", "C": "42601", "M": "unterminated, connection reset"},)),
    Case("pyodbc", ProgrammingError, ("42S02", "[42S02] Invalid object name 'gone away'")),
    Case("pyodbc", OperationalError, ("HYT00", "[HYT00] Query timeout expired")),
    Case("mysqlclient", ProgrammingError, (1146, "Table 'shop.lost connection' doesn't exist")),
    Case("oracledb", DatabaseError, ("ORA-00942: table or view does not exist: connection closed",)),
    Case("sqlite3", OperationalError, ("no such table: stock",)),
]

MISPLACED = [
    Case("psycopg2", InternalError, ("cannot execute INSERT in a read-only transaction",), {"pgcode": "25006"}),
    Case("pg8000", DatabaseError, ({"S": "ERROR", "C": "25006", "M": "cannot execute INSERT"},)),
    Case("mysqlclient", OperationalError, (1290, "The MySQL server is running with the --read-only option")),
    Case("oracledb", DatabaseError, ("ORA-16000: database open for read-only access",)),
]


def meaning(error: BaseException) -> Meaning:
    """Return what `DBAPI` makes of an error, if it knows the driver."""
    return DBAPI(object, driver=DRIVER).meaning_of(error)  # type: ignore[type-var]


def name(case: Case) -> str:
    """Name a case."""
    return f"{case.driver}-{case.args[0]!s:.30}"


@pytest.mark.parametrize("case", GONE, ids=name)
def test_a_disconnect_is_known(case: Case) -> None:
    """Each driver's disconnects are known, by code or by words, also behind another error or in a group."""
    assert meaning(case.error) is Meaning.LOST
    wrapped = ValueError("the use case failed")
    wrapped.__cause__ = case.error
    assert meaning(wrapped) is Meaning.LOST
    assert meaning(ExceptionGroup("several", [case.error])) is Meaning.LOST


@pytest.mark.parametrize("case", NOT_GONE, ids=name)
def test_what_only_reads_like_a_disconnect_is_none(case: Case) -> None:
    """A code that means something else settles it, and a statement's own words are no evidence."""
    assert meaning(case.error) is Meaning.UNKNOWN


@pytest.mark.parametrize("case", MISPLACED, ids=name)
def test_a_wrong_node_is_known(case: Case) -> None:
    """So are the errors of a node that takes no writes."""
    assert meaning(case.error) is Meaning.MISPLACED


def test_a_connection_that_is_closed_tells_it_itself() -> None:
    """An error that leads to its connection is judged by that connection's own state, before any word."""
    error = InterfaceError("something else")
    vars(error)["cursor"] = SimpleNamespace(connection=SimpleNamespace(closed=2))
    assert meaning(error) is Meaning.LOST
    vars(error)["cursor"].connection.closed = 0
    assert meaning(error) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BrokenPipeError(), Meaning.LOST),
        (ConnectionResetError(), Meaning.LOST),
        (ConnectionRefusedError(), Meaning.UNREACHABLE),
        (socket.gaierror("connection reset"), Meaning.UNKNOWN),
        (ValueError("connection reset"), Meaning.UNKNOWN),
    ],
)
def test_what_the_system_says_is_understood(error: Exception, says: Meaning) -> None:
    """The errors of a socket count also as the cause of the driver's."""
    assert meaning(error) is says
    wrapped = OperationalError("it failed")
    wrapped.__cause__ = error
    assert meaning(wrapped) is says


def test_a_code_needs_no_driver() -> None:
    """Without the driver's module its codes are known all the same, and its words are not."""
    database = DBAPI(object)  # type: ignore[type-var]
    assert database.meaning_of(OperationalError(2006, "x")) is Meaning.LOST
    assert database.meaning_of(OperationalError("connection closed")) is Meaning.UNKNOWN


class Nothing:
    """A connection of a driver that complains when there is nothing to undo."""

    complaint = "TransactionContext Error: cannot rollback - no transaction is active"

    def cursor(self) -> "Nothing":
        """Be one's own cursor."""
        return self

    def execute(self, statement: str) -> None:
        """Run it."""

    def fetchall(self) -> list[tuple[int]]:
        """Find something."""
        return [(1,)]

    def rollback(self) -> None:
        """Complain."""
        raise Error(self.complaint)

    def close(self) -> None:
        """Close cursor or connection."""


def test_a_rollback_of_nothing_is_done() -> None:
    """A session whose driver complains that no transaction is open is kept; another complaint is not overheard."""
    with pingpool.open(DBAPI(Nothing, driver=DRIVER, ping="SELECT 1"), size=1) as pool:
        for _ in range(5):
            with pool.session():
                pass
        assert pool.stats().created == 1
    broken = Nothing()
    broken.complaint = "disk full"
    with pytest.raises(Error, match="disk full"):
        DBAPI(Nothing).reset(broken, timeout=1)


@pytest.mark.parametrize("code", [4151, 3118, 1231, 1273, 1253, 1054])
def test_what_mysql_will_refuse_again(code: int) -> None:
    """A locked account, and a setting, a character set or a collation that is none, do not heal by waiting."""
    pymysql = pytest.importorskip("pymysql")
    assert MySQL().meaning_of(pymysql.OperationalError(code, "x")) is Meaning.REFUSED
    assert MySQL().meaning_of(NotImplementedError()) is Meaning.REFUSED
