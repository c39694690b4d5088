"""What a holder may set on the connection of some PEP 249 driver, or leave in it: seen at check-in, and put back.

Databases with a file of their own have `Attributes` for that, which sees a change by one comparison, of names that are
there for sure. Here each is looked at by itself: a version of a driver may lack it, a table in it may grow by being
read, or be refilled but not exchanged.
"""

import sys
from collections import deque
from collections.abc import Callable
from copy import copy
from typing import Any, Final

from pingpool.databases.common.records import Records
from pingpool.databases.dbapi.drivers import modules_of

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


class Settings:
    """How each connection was set when it was new."""

    def __init__(self) -> None:
        self._first: Records[dict[str, Any]] = Records()

    def remember(self, session: Any) -> None:
        """Note how a connection is set that is ready to be lent; many drivers' take no weak references."""
        first = {name: kept(getattr(session, name, None)) for name in names_in(session)}
        self._first.note_until_dropped(session, first)

    def forget(self, session: Any) -> None:
        """Forget how it was set."""
        self._first.drop(session)

    def changed(self, session: Any) -> list[str]:
        """Return the names of what is set otherwise, in the order of putting back."""
        first = self._first.of(session) or {}
        return [name for name, was in first.items() if differ(getattr(session, name, None), was)]

    def put_back(self, session: Any) -> None:
        """Set what differs."""
        first = self._first.of(session) or {}
        for name in self.changed(session):
            put_back(session, name, kept(first[name]))


def names_in(session: Any) -> tuple[str, ...]:
    """Return the names of what a holder may set; none of a driver that is not known."""
    return next((SETTINGS[module] for module in modules_of(session) if module in SETTINGS), ())


def kept(value: Any) -> Any:
    """Return a copy of a collection, or else the value itself."""
    return copy(value) if isinstance(value, COLLECTIONS) else value


def differ(now: Any, was: Any) -> bool:
    """Do these differ? An entry that a `defaultdict` made only because somebody asked for its key is no difference."""
    if now == was:
        return False
    make = getattr(now, "default_factory", None)
    if make is None:
        return True
    usual = make()
    return any(now.get(key, usual) != was.get(key, usual) for key in {*now, *was})


def put_back(session: Any, name: str, first: Any) -> None:
    """Set one of them as it was."""
    if name in BY_METHOD:
        getattr(session, BY_METHOD[name])(first)
        return
    try:
        setattr(session, name, first)
    except AttributeError:  # psycopg2 shows tables that cannot be exchanged
        refill(getattr(session, name), first)


def refill(collection: Any, first: Any) -> None:
    """Have a table, or a list, hold what it held at first."""
    collection.clear()
    fill: Callable[[Any], object] = getattr(collection, "update", None) or collection.extend
    fill(first)
