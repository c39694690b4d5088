"""Which of our databases knows the connections of a SQLAlchemy dialect: it looks at them, pings them, frees them.

It never opens one: SQLAlchemy does that.
"""

import operator
from collections.abc import Callable
from typing import Any, Never

from sqlalchemy import select
from sqlalchemy.util import greenlet_spawn

from pingpool.database import AsyncDatabase, Database
from pingpool.databases.callables import AsyncCallables, Callables
from pingpool.databases.common.sockets import QUIET, look_through
from pingpool.databases.dbapi import DBAPI
from pingpool.plugins.opened_by_others import of_mysql, of_postgres, of_sqlite

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
    module = getattr(dialect, "dbapi", None)
    if driver in ("psycopg", "psycopg2"):
        return of_postgres(module, opened_elsewhere)
    if name in MYSQL and driver not in OVER_ODBC:
        return of_mysql(opened_elsewhere)
    if driver == "pysqlite":
        return of_sqlite(opened_elsewhere)
    return DBAPI(opened_elsewhere, driver=module, ping=question_of(dialect))


def async_database_for(dialect: Any) -> tuple[AsyncDatabase[Any], Callable[[Any], Any]]:
    """Return the same for asyncio, and how the connection is found in a record that this database is asked about.

    SQLAlchemy has connections of its own around those of each driver. Where ours does not know the driver's, a ping is
    SQLAlchemy's.
    """
    driver = getattr(dialect, "driver", "")
    if driver in ("psycopg", "psycopg_async"):
        from pingpool.databases.postgres import AsyncPostgres

        return AsyncPostgres(role="any"), drivers_connection_of
    if driver == "asyncpg":
        from pingpool.databases.postgres import AsyncPG

        return AsyncPG(role="any"), drivers_connection_of
    look = is_quiet_to_aiomysql if driver == "aiomysql" else None

    async def ping(connection: Any) -> None:
        await greenlet_spawn(prove, dialect, connection)

    return AsyncCallables(opened_elsewhere_async, ping=ping, looks_alive=look), connection_of


connection_of: Callable[[Any], Any] = operator.attrgetter("dbapi_connection")
"""Returns SQLAlchemy's connection in a record: in threads it is the driver's."""

drivers_connection_of: Callable[[Any], Any] = operator.attrgetter("driver_connection")
"""Returns the driver's own connection in a record."""


def prove(dialect: Any, connection: Any) -> None:
    """Send SQLAlchemy's ping, and leave no transaction open behind it."""
    dialect.do_ping(connection)
    dialect.do_rollback(connection)


def opened_elsewhere() -> Never:
    """Stand where a database wants a function that opens connections."""
    raise AssertionError("SQLAlchemy opens the connections")


async def opened_elsewhere_async() -> Never:
    """Do the same in asyncio."""
    opened_elsewhere()


def question_of(dialect: Any) -> str | None:
    """Return the statement of a ping where the usual one will not do: Oracle's older servers want a FROM."""
    statement = str(select(1).compile(dialect=dialect))
    return None if statement == USUAL else statement


def is_quiet_to_aiomysql(connection: Any) -> bool:
    """Has the server not hung up on aiomysql's connection, for all that the loop and the system know?"""
    inside = connection.driver_connection
    return not (inside.closed or inside._reader.at_eof()) and look_through(inside._writer.transport) is QUIET
