"""What both drivers of SQLite share: which file, how it is opened and cleared, what its errors mean.

A file is opened in WAL mode, in which many read while one writes. An open connection does not notice that its file was
replaced or removed: it would go on with one that nobody sees. So its file is compared with the one at the path.
"""

import itertools
import math
import sqlite3
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeVar
from urllib.parse import parse_qsl, unquote

from pingpool.database import Meaning
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import AsyncConfigure, Remembering, to_configure
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.resets import Reset, Resets
from pingpool.databases.common.urls import check_names, parsed, value_of
from pingpool.databases.sqlite.connection import PAUSE, Connection, File
from pingpool.errors import BadURL, BeyondReset

DRIVERS = frozenset({"sqlite3", "aiosqlite"})

CANNOT_OPEN = ("unable to open database file", "file is not a database", "readonly")
CLOSED = ("no active connection", "Connection closed")
"""What aiosqlite says of a closed connection, by a `ValueError`."""

MEMORY = (
    "file:/pingpool-{}?vfs=memdb"
    if sqlite3.sqlite_version_info >= (3, 36)
    else "file:pingpool-{}?mode=memory&cache=shared"
)
"""How connections of a process share a memory; in the old way `busy_timeout` does not hold."""

FOREIGN_KEYS = {True: "PRAGMA foreign_keys = ON", False: "PRAGMA foreign_keys = OFF"}
"""How they are enforced, or not."""

ATTRIBUTES: Attributes[Connection] = Attributes(
    *(("autocommit",) if sys.version_info >= (3, 12) else ()), "isolation_level", "row_factory", "text_factory"
)
"""What a holder may set on a connection."""

NOT_READY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Codes of errors that say nothing of the connection."""

_memories = itertools.count(1)


class Looks(Protocol):
    """What both kinds of connections show."""

    @property
    def total_changes(self) -> int:
        """How many rows were changed; a closed connection raises."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        ...


C = TypeVar("C", bound=Looks)


class SQLiteTraits(Identified, Remembering[C]):
    """One SQLite database."""

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        busy_timeout: float = 5.0,
        reset: Reset = "rollback",
        configure: AsyncConfigure = None,
    ) -> None:
        if not str(path):
            raise ValueError('path must name a file, or be ":memory:"')
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float):
            raise TypeError(f"busy_timeout must be a number of seconds; got {busy_timeout!r}")
        if not 0 <= busy_timeout < math.inf:
            raise ValueError(f"busy_timeout must be a finite number of seconds from 0 up; got {busy_timeout!r}")
        self._in_memory = str(path) == ":memory:"
        self._target = MEMORY.format(next(_memories)) if self._in_memory else str(Path(path).absolute())
        self._busy_timeout = busy_timeout
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        if self._in_memory:  # it lasts as long as one connection is open, and so as long as this object
            weakref.finalize(self, self.open().close)
        self._identity = (self._target, reset, configure)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return the database that `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://` (a memory) names.

        `?busy_timeout=SECONDS` sets that option; what is given by name counts more.

        Raises:
            BadURL: the URL has a host, or an option that is not known or makes no sense.
        """
        try:
            return cls(**{**arguments(url), **options})
        except ValueError as error:
            raise BadURL(f"SQLite: {error}") from None

    def open(self) -> Connection:
        """Open a connection; it is bound to no thread."""
        connection = Connection(self._target, is_uri=self._in_memory, busy_timeout=self._busy_timeout)
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: Connection) -> None:
        """Make it what is promised of each one, and remember how it is."""
        connection.execute(FOREIGN_KEYS[True])
        if not self._in_memory:
            switch_to_wal(connection, self._busy_timeout)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.file = File.at(self._target)
        note_settings(connection)

    def remember(self, session: C) -> None:
        """Note how a new connection is set."""
        note_settings(self.connection_of(session))

    def connection_of(self, session: C) -> Connection:
        """Return the connection itself."""
        anything: Any = session
        connection: Connection = anything
        return connection

    @property
    def question(self) -> str:
        """The statement of a ping: of a file it reads the first page."""
        return "SELECT 1" if self._in_memory else "PRAGMA schema_version"

    def refuse_other_file(self, session: C) -> None:
        """Raise if the connection's file is no longer the one at the path."""
        if not self.is_in_place(session):
            raise sqlite3.DatabaseError(f"the file was replaced, removed or truncated: {self._target}")

    def is_in_place(self, session: C) -> bool:
        """Is the connection's file still the one at the path? A file that was written is never empty again."""
        file = self.connection_of(session).file
        return file is None or file.is_at(self._target)

    def looks_alive(self, session: C) -> bool:
        """Is the connection open, on the file that is at the path? A closed one has no count of changes."""
        try:
            return session.total_changes >= 0 and self.is_in_place(session)
        except (ValueError, sqlite3.ProgrammingError):
            return False

    def needs_reset(self, session: C) -> bool | None:
        """Is a transaction open, or a call under way, or is the connection set otherwise than when it was new?

        Cursors are ended, read or unread. One who closed the connection left nothing to lend, either.
        """
        try:
            connection = self.connection_of(session)
            is_open = not connection.is_let_go() or connection.in_transaction or is_changed(connection)
        except (ValueError, sqlite3.Error):
            return True
        return is_open or self._resets.at_rest

    def in_transaction(self, session: C) -> bool:
        """Is a transaction open? Not in one that its holder has closed."""
        try:
            return self.connection_of(session).in_transaction
        except sqlite3.ProgrammingError:
            return False

    def clear(self, connection: Connection) -> None:
        """Roll back, and put back what the last holder set. Raises `BeyondReset` if a call is under way."""
        if not (connection.end(0) if self._resets.is_full else connection.is_let_go()):
            raise BeyondReset("left busy", "another thread is still inside the connection")
        if self._resets.is_full:
            Connection.__init__(connection, self._target, is_uri=self._in_memory, busy_timeout=self._busy_timeout)
            self._set_up(connection)
            return
        connection.put_handlers_back()
        end_transaction(connection, "ROLLBACK")
        ATTRIBUTES.put_back(connection)
        end_transaction(connection, "ROLLBACK")  # whoever leaves autocommit=False leaves its BEGIN open
        connection.execute(FOREIGN_KEYS[connection.enforces_foreign_keys])
        connection.execute(f"PRAGMA busy_timeout = {connection.own_busy_timeout}")

    def meaning_of(self, error: BaseException) -> Meaning:
        """A connection was closed; or the file is no database, or its folder is missing or forbidden."""
        said = str(error)
        if isinstance(error, ValueError) and said in CLOSED:
            return Meaning.LOST
        if is_foreign(error, DRIVERS):
            return Meaning.FOREIGN
        if isinstance(error, sqlite3.ProgrammingError) and "closed database" in said:
            return Meaning.LOST
        code = getattr(error, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_READONLY_DBMOVED or code & 0xFF == sqlite3.SQLITE_CORRUPT:
            return Meaning.MISPLACED  # alive, and of no use
        if code & 0xFF in NOT_READY:
            return Meaning.TRANSIENT
        if isinstance(error, sqlite3.DatabaseError) and any(reason in said for reason in CANNOT_OPEN):
            return Meaning.REFUSED
        return super().meaning_of(error)

    def _place(self) -> str:
        return "a memory" if self._in_memory else repr(self._target)


def note_settings(connection: Connection) -> None:
    """Note how a connection is set, to be put back so."""
    ATTRIBUTES.remember(connection)
    connection.note_settings()


def end_transaction(connection: Connection, how: Literal["COMMIT", "ROLLBACK"]) -> None:
    """End what is open. In Python 3.12's autocommit that may be a BEGIN, for which the driver does nothing."""
    if connection.in_transaction and getattr(connection, "autocommit", None) is True:
        connection.execute(how)
    elif how == "COMMIT":
        connection.commit()
    else:
        connection.rollback()


def is_changed(connection: Connection) -> bool:
    """Is it set otherwise than when it was new, by what the pool promises of it, or what decides over statements?"""
    return ATTRIBUTES.changed(connection) or connection.has_other_handlers() or not connection.keeps_promises()


def switch_to_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL; SQLite itself does not wait for another connection that is at this step."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(PAUSE)


def arguments(url: str) -> Mapping[str, Any]:
    """Return what a URL says. Raises `ValueError` if it makes no sense; a `BadURL` is one."""
    parts = parsed(url)
    if parts is None or not url.startswith("sqlite://") or parts.netloc or parts.fragment:
        raise ValueError("write sqlite:///relative.db, sqlite:////absolute.db or sqlite:// for a memory (# as %23)")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    check_names(options, ["busy_timeout"], "SQLite")
    busy_timeout = value_of("busy_timeout", options.get("busy_timeout", "5"), {"busy_timeout": float})
    return {"path": unquote(parts.path.removeprefix("/")) or ":memory:", "busy_timeout": busy_timeout}
