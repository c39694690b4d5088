"""What PEP 249 drivers tell of a connection beyond the standard, each in its own way, and without asking the server."""

import operator
from collections.abc import Callable
from typing import Any, Final

TELL: Final = ("in_transaction", "transaction_in_progress", "_in_transaction")
"""Attributes that say whether a transaction is open: of sqlite3 and mysql-connector, oracledb, pg8000."""

OF_POSTGRES: Final = frozenset({"psycopg2", "pg8000", "psycopg"})
"""Drivers of PostgreSQL, where advisory locks outlive a rollback."""

BY_ITS_PING: Final = frozenset({"oracledb", "cx_Oracle"})
"""Drivers whose own `ping()` is a round trip, and never reconnects; their older servers know no SELECT without FROM."""

FAILED: Final = 3
"""What libpq says of a transaction in which a statement has failed."""


def look_of(driver: Any) -> Callable[[Any], bool] | None:
    """Return how to look at a connection of this driver, if it has a way without a round trip; oracledb has."""
    kind = getattr(driver, "Connection", None)
    return operator.methodcaller("is_healthy") if hasattr(kind, "is_healthy") else None


def packages_of(driver: Any, *errors: type[BaseException]) -> frozenset[str]:
    """Return the packages that a driver consists of, as far as its module and its errors tell; none of no driver."""
    named = (getattr(driver, "__name__", ""), *(error.__module__ for error in errors))
    return frozenset(name.partition(".")[0] for name in named if isinstance(name, str) and name)


def in_transaction(session: Any) -> bool | None:
    """Is a transaction open? None of a driver that does not tell."""
    for name in TELL:
        told = getattr(session, name, None)
        if isinstance(told, bool):
            return told
    status = status_of(session)
    return None if status is None else bool(status)


def status_of(session: Any) -> int | None:
    """Return what libpq says of the transaction: 0 is none, 1 a statement under way. None of a driver without it."""
    if hasattr(session, "get_transaction_status"):  # psycopg2
        status: int = session.get_transaction_status()
        return status
    told = getattr(getattr(session, "info", None), "transaction_status", None)  # psycopg
    return told if isinstance(told, int) else None


def is_in_autocommit(session: Any) -> bool:
    """Does the driver say that it opens no transaction by itself? pymssql has a method of the usual name."""
    return getattr(session, "autocommit", False) is True or getattr(session, "autocommit_state", False) is True


def has_ping(session: Any) -> bool:
    """Is the driver's own ping the way to prove a connection alive?"""
    return not BY_ITS_PING.isdisjoint(modules_of(session))


def modules_of(session: Any) -> list[str]:
    """Return the names of the packages that its class, and those it is derived from, come from."""
    return [kind.__module__.partition(".")[0] for kind in type(session).__mro__]
