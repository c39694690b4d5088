"""What is known of the connections of a driver that a framework opens: we look at them, ping them and free them."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from pingpool.database import Database, Meaning
from pingpool.databases.common.sockets import QUIET, look_at
from pingpool.databases.common.timeouts import whole
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.postgres.words import meaning_of_text
from pingpool.databases.sqlite import SQLite
from pingpool.databases.through import SAYS_NOTHING, Through, Wrapping

Connect = Callable[..., Any]
"""Opens a connection, as the framework does; it is passed a `timeout`, in seconds, if it has such a parameter."""


def of_postgres(driver: Any, connect: Connect) -> Database[Any]:
    """Return what is known of connections to PostgreSQL, by psycopg or psycopg2."""
    if driver.__name__ == "psycopg":
        from pingpool.databases.postgres import Postgres

        return Postgres(role="any")
    return DBAPI(connect, driver=driver, looks_alive=is_quiet, meaning_of=meaning_by_libpq)


def connect_timeout_of_libpq(driver: Any, params: Mapping[str, Any], timeout: float) -> int:
    """Return the `connect_timeout` with which psycopg, or psycopg2, opens a connection in time, in seconds."""
    if driver.__name__ == "psycopg":
        from pingpool.databases.postgres.conninfo import connect_timeout_for

        return connect_timeout_for(params, timeout)
    own = params.get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT") or 0
    return whole(timeout, float(own), least=1)


def of_mysql(connect: Connect) -> Database[Any]:
    """Return what is known of connections to MySQL and MariaDB, by any driver."""
    from pingpool.databases.mysql import MySQL

    return MySQL(connect=connect, role="any")


def of_sqlite(connect: Connect) -> Database[Any]:
    """Return what is known of the standard library's connections to SQLite."""
    return DBAPI(connect, driver=sqlite3, meaning_of=SQLite("opened elsewhere").meaning_of)


def is_quiet(connection: Any) -> bool:
    """Has the server neither hung up on a connection of psycopg2's, nor said anything?"""
    return not connection.closed and look_at(connection.fileno()) is QUIET


def meaning_by_libpq(error: BaseException) -> Meaning | None:
    """Return what psycopg2 could not connect for; None of an error that has a code, or is of an open connection."""
    if getattr(error, "pgcode", None) is not None:
        return None
    meaning = meaning_of_text(str(error))
    return None if meaning is Meaning.LOST else meaning


class OpenedByOthers(Wrapping[Any, Any, Any]):
    """What a framework opens and sets up, in either world. What time does not heal, or nobody knows, is told at once.

    That is a mistake in a statement of the set-up, the first failure of a driver that nobody knows, and any error that
    is not the driver's. Once there was a connection, an error of the driver's may be of an outage, which is waited out.
    """

    errors: tuple[type[BaseException], ...]
    """The root of the driver's errors; nothing if there is no driver."""
    mistakes: tuple[type[BaseException], ...]
    """Those of its errors that come again until somebody writes something else."""
    _has_opened = False
    """Was there a connection yet?"""

    def understand(self, driver: Any) -> None:
        """Tell the errors of this driver, a module of PEP 249, from others."""
        self.errors = errors_in(driver, "Error")
        self.mistakes = errors_in(driver, "DataError", "NotSupportedError", "ProgrammingError")

    def meaning_of(self, error: BaseException) -> Meaning:
        """Ask what is known of the driver, and then who may mend it."""
        meaning = super().meaning_of(error)
        if meaning in SAYS_NOTHING:
            may_pass = self._has_opened and isinstance(error, self.errors)
            return meaning if may_pass else Meaning.REFUSED
        return Meaning.REFUSED if meaning is Meaning.TRANSIENT and isinstance(error, self.mistakes) else meaning


class Opened(OpenedByOthers, Through[Any, Any]):
    """What a framework opens, for threads."""

    def create(self, *, labels: Any, timeout: float) -> Any:
        """Have it open one."""
        session = super().create(labels=labels, timeout=timeout)
        self._has_opened = True
        return session


def errors_in(driver: Any, *names: str) -> tuple[type[BaseException], ...]:
    """Return the errors of these names, as far as a driver has them."""
    found = (getattr(driver, name, None) for name in names)
    return tuple(each for each in found if isinstance(each, type) and issubclass(each, BaseException))
