"""What PEP 249 drivers tell of a connection beyond the standard, each in its own way, and without asking the server."""

import operator
import sys
from collections import deque
from collections.abc import Callable
from copy import copy
from typing import Any, Final

TELL: Final = ("in_transaction", "transaction_in_progress", "_in_transaction")
"""Attributes that say whether a transaction is open: of sqlite3 and mysql-connector, oracledb, pg8000."""

SETTINGS: Final[dict[str, tuple[str, ...]]] = {
    "oracledb": ("autocommit", "call_timeout", "inputtypehandler", "outputtypehandler"),
    "mysql": (
        *("_get_warnings", "_raise_on_warnings", "_consume_results", "_use_unicode", "_converter_class", "converter"),
    ),
    "pg8000": ("autocommit", "_xid", "notices", "notifications", "pg_types", "py_types"),
    "psycopg2": (
        *("autocommit", "isolation_level", "readonly", "deferrable", "cursor_factory"),
        *("string_types", "binary_types", "notices", "notifies", "encoding"),
    ),
    "pyodbc": ("autocommit", "timeout"),
    "sqlite3": ("isolation_level", "row_factory", "text_factory", *["autocommit"] * (sys.version_info >= (3, 12))),
}
"""What a holder may set on the connection object, or leave in it, by the driver's module, in the order of putting back.

mysql-connector's own names are set past the properties, of which one sets another.
"""

BY_METHOD: Final = {"encoding": "set_client_encoding"}
"""What is put back by a method; this is psycopg2's."""

COLLECTIONS: Final[tuple[Any, ...]] = (dict, list, deque)
"""What is remembered as a copy: a holder may change it in place."""

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


def settings_of(session: Any) -> dict[str, Any]:
    """Return what a holder may set, as it is now; nothing of a driver that is not known."""
    names = next((SETTINGS[module] for module in modules_of(session) if module in SETTINGS), ())
    return {name: kept(getattr(session, name, None)) for name in names}


def kept(value: Any) -> Any:
    """Return a copy of a collection, or else the value itself."""
    return copy(value) if isinstance(value, COLLECTIONS) else value


def changed(session: Any, settings: dict[str, Any]) -> list[str]:
    """Return the names of what is set otherwise."""
    return [name for name, was in settings.items() if differ(getattr(session, name, None), was)]


def differ(now: Any, was: Any) -> bool:
    """Do these differ? An entry that a `defaultdict` made only because somebody asked for its key is no difference."""
    if now == was:
        return False
    make = getattr(now, "default_factory", None)
    if make is None:
        return True
    usual = make()
    return any(now.get(key, usual) != was.get(key, usual) for key in {*now, *was})


def put_back(session: Any, settings: dict[str, Any]) -> None:
    """Set what differs."""
    for name in changed(session, settings):
        first = kept(settings[name])
        if name in BY_METHOD:
            getattr(session, BY_METHOD[name])(first)
            continue
        try:
            setattr(session, name, first)
        except AttributeError:  # psycopg2 shows tables that cannot be exchanged
            refill(getattr(session, name), first)


def refill(collection: Any, first: Any) -> None:
    """Have a table, or a list, hold what it held at first."""
    collection.clear()
    fill: Callable[[Any], object] = getattr(collection, "update", None) or collection.extend
    fill(first)
