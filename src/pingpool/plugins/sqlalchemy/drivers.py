"""Which of our databases knows the connections of a SQLAlchemy dialect: it looks at them, pings them, frees them.

It never opens one: SQLAlchemy does that.
"""

from typing import Any, Never

from sqlalchemy import select

from pingpool.database import Database, Meaning
from pingpool.databases.callables import Callables
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.postgres.words import meaning_of_text
from pingpool.databases.sqlite import SQLite

MYSQL = ("mysql", "mariadb")
OVER_ODBC = ("pyodbc", "aioodbc")
USUAL = "SELECT 1"


def database_for(dialect: Any) -> Database[Any]:
    """Return what is known of the connections of this dialect; for one that nobody knows, what PEP 249 promises.

    A pool without an engine has a dialect without a driver. Of its connections nothing is known.
    """
    name, driver = getattr(dialect, "name", ""), getattr(dialect, "driver", "")
    if not driver:
        return Callables(opened_elsewhere)
    if driver == "psycopg":
        from pingpool.databases.postgres import Postgres

        return Postgres(role="any")
    if name in MYSQL and driver not in OVER_ODBC:
        from pingpool.databases.mysql import MySQL

        return MySQL(connect=opened_elsewhere, role="any")
    module = getattr(dialect, "dbapi", None)
    if driver == "psycopg2":
        return DBAPI(opened_elsewhere, driver=module, looks_alive=is_quiet, meaning_of=meaning_by_libpq)
    if driver == "pysqlite":
        return DBAPI(opened_elsewhere, driver=module, meaning_of=SQLite("opened elsewhere").meaning_of)
    return DBAPI(opened_elsewhere, driver=module, ping=question_of(dialect))


def opened_elsewhere() -> Never:
    """Stand where a database wants a function that opens connections."""
    raise AssertionError("SQLAlchemy opens the connections")


def question_of(dialect: Any) -> str | None:
    """Return the statement of a ping where the usual one will not do: Oracle's older servers want a FROM."""
    statement = str(select(1).compile(dialect=dialect))
    return None if statement == USUAL else statement


def is_quiet(connection: Any) -> bool:
    """Has the server neither hung up on a connection of psycopg2's, nor said anything?"""
    return not connection.closed and look_at(connection.fileno()) is Look.QUIET


def meaning_by_libpq(error: BaseException) -> Meaning | None:
    """Return what psycopg2 could not connect for; None of an error that has a code, or is of an open connection."""
    if getattr(error, "pgcode", None) is not None:
        return None
    meaning = meaning_of_text(str(error))
    return None if meaning is Meaning.LOST else meaning
