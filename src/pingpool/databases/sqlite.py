"""SQLite, from the standard library: a file in WAL mode that many threads read and write, or a shared memory.

What is pooled is `Connection`, which is a `sqlite3.Connection` that takes weak references, so that the pool notices one
that its holder dropped. Connections are not bound to the thread that opened them: the pool lends each to one holder at
a time.
"""

import itertools
import math
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pingpool.database import Database
from pingpool.errors import BadURL

BREATH = 0.01
"""Seconds between two tries at a step for which SQLite itself does not wait."""

_memories = itertools.count(1)


class Connection(sqlite3.Connection):
    """A connection that takes weak references, as the standard library's own does not."""


class SQLite(Database[Connection]):
    """The sessions of one SQLite database.

    Args:
        path: a file, made when it is not there; or ":memory:" for one that all connections of this object share and
            that lasts as long as one of them is open.
        busy_timeout: seconds that a statement waits for another connection's lock before it gives up.
    """

    def __init__(self, path: str | Path = ":memory:", *, busy_timeout: float = 5.0) -> None:
        """Open nothing yet."""
        self._in_memory = str(path) == ":memory:"
        if not str(path):
            raise ValueError('path must name a file, or be ":memory:"')
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float):
            raise TypeError(f"busy_timeout must be a number of seconds; got {busy_timeout!r}")
        if not 0 <= busy_timeout < math.inf:
            raise ValueError(f"busy_timeout must be a finite number of seconds from 0 up; got {busy_timeout!r}")
        memory = f"file:pingpool-{next(_memories)}?mode=memory&cache=shared"
        self._target = memory if self._in_memory else str(Path(path).absolute())
        self._busy_timeout = busy_timeout

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Connection:
        """Open a connection in WAL mode, which lets readers go on while one writes."""
        connection = sqlite3.connect(
            self._target,
            timeout=self._busy_timeout,
            check_same_thread=False,
            factory=Connection,
            uri=self._in_memory,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if not self._in_memory:
                switch_to_wal(connection, self._busy_timeout)
                connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def ping(self, session: Connection, *, timeout: float) -> None:
        """Run a statement, which opens no transaction."""
        session.execute("SELECT 1").fetchone()

    def delete(self, session: Connection, *, timeout: float) -> None:
        """Close the connection; what was open in it is rolled back."""
        session.close()

    def glance(self, session: Connection) -> bool:
        """Is the connection open? A closed one has no count of changes."""
        try:
            return session.total_changes >= 0
        except sqlite3.ProgrammingError:
            return False

    def needs_reset(self, session: Connection) -> bool:
        """Did the holder leave a transaction open?"""
        return session.in_transaction

    def reset(self, session: Connection, *, timeout: float) -> None:
        """Roll back."""
        session.rollback()

    def is_lost(self, error: BaseException) -> bool:
        """Does the error say that the connection is closed?"""
        return isinstance(error, sqlite3.ProgrammingError) and "closed database" in str(error)

    def is_fatal(self, error: BaseException) -> bool:
        """Will opening the file never work? Not if it is no database, or its folder is missing or forbidden."""
        return isinstance(error, sqlite3.DatabaseError) and any(
            reason in str(error) for reason in ("unable to open database file", "file is not a database", "readonly")
        )

    def resync(self, session: Connection) -> bool:
        """Vouch for a connection whose holder was interrupted: every call ran to its end before Python raised."""
        return True

    def abort(self, session: Connection) -> None:
        """Stop the statement that is running."""
        session.interrupt()

    def __repr__(self) -> str:
        """Name the file."""
        return f"SQLite({'a memory' if self._in_memory else self._target!r})"

    def __eq__(self, other: object) -> bool:
        """Two that name the same file are the same database."""
        return isinstance(other, SQLite) and other._target == self._target

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._target)


def switch_to_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Have readers go on while one writes. Where SQLite does not wait for another who is at this step, wait for him."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(BREATH)


def from_url(url: str) -> SQLite:
    """Return the database that `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://` (a memory) names.

    `?busy_timeout=SECONDS` sets that option.

    Raises:
        BadURL: the URL has a host, or an option that is not known or makes no sense.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadURL(f"{url!r}: {error}") from None
    if not url.startswith("sqlite://") or parts.netloc or parts.fragment:
        raise BadURL(
            f"{url!r}: write sqlite:///relative.db, sqlite:////absolute.db or sqlite:// for a memory (# as %23)"
        )
    path = unquote(parts.path.removeprefix("/")) or ":memory:"
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    busy_timeout = options.pop("busy_timeout", "5")
    if options:
        raise BadURL(f"{url!r} has options that SQLite does not know: {', '.join(options)}; it knows busy_timeout")
    try:
        return SQLite(path, busy_timeout=float(busy_timeout))
    except ValueError as error:
        raise BadURL(f"{url!r}: {error}") from None
