"""A SQLite connection that knows what its last holder left in it: cursors, calls under way, handlers.

The driver crashes if a connection is closed while another thread is inside one of its calls, and SQLite keeps whoever
asks it anything waiting until that call is done, with Python's own lock in his hands. So the calls are known here, and
nobody asks SQLite.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast
from weakref import ref

R = TypeVar("R")

PAUSE = 0.002
"""Seconds between two looks at what does not tell when it has ended."""

OFF: dict[str, tuple[Any, ...]] = {
    "set_authorizer": (None,),
    "set_progress_handler": (None, 0),
    "set_trace_callback": (None,),
}
"""The handlers of a connection, and how each is taken off."""


class File(NamedTuple):
    """Which file stands at a path."""

    device: int
    inode: int
    is_written: bool

    @classmethod
    def at(cls, path: str) -> "File":
        """Return the one that is there. Raises `FileNotFoundError`."""
        found = os.stat(path)
        return cls(found.st_dev, found.st_ino, found.st_size > 0)

    def is_at(self, path: str) -> bool:
        """Is it still the one that stands there? It may have been written since, but not emptied."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        is_same = found.st_ino == self.inode and found.st_dev == self.device
        return is_same and (found.st_size > 0 or not self.is_written)


class Cursor(sqlite3.Cursor):
    """A cursor whose calls are marked as under way, but for `execute`: there the driver refuses to close it."""

    __slots__ = ()

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        """Run many statements."""
        return of(self).run(super().executescript, sql_script)

    def fetchone(self) -> Any:
        """Return a row, or None."""
        return of(self).run(super().fetchone)

    def fetchmany(self, *size: Any, **named: Any) -> list[Any]:
        """Return some rows."""
        return of(self).run(super().fetchmany, *size, **named)

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return of(self).run(super().fetchall)

    def __next__(self) -> Any:
        return of(self).run(super().__next__)

    def __iter__(self) -> Any:
        rows = self._rows()
        of(self).note(rows)
        return rows

    def _rows(self) -> Generator[Any]:
        """Yield the rows that are left; Python refuses to close a generator that is under way in another thread."""
        step = super().__next__
        with suppress(StopIteration):
            while True:
                yield step()


def of(cursor: Cursor) -> "Connection":
    """Return the connection of a cursor."""
    return cast(Connection, cursor.connection)


class Connection(sqlite3.Connection):
    """A connection that takes weak references, as the standard library's own does not, and knows its file.

    Its cursors end with the use that they were made in.
    """

    file: File | None = None
    """None of a memory."""

    def __init__(self, target: str, *, is_uri: bool, busy_timeout: float) -> None:
        """Open it, bound to no thread; or, of one that is open, open it anew: nothing stays of what it was."""
        try:
            super().__init__(target, timeout=busy_timeout, check_same_thread=False, uri=is_uri)
        finally:
            self.is_ended = False
            self.is_shut = False
            self.is_used = False
            self.under_way: list[object] = []
            self.made: list[ref[Any]] = []
            self.handlers: dict[str, tuple[Any, ...]] = {}
            self.own_handlers: dict[str, tuple[Any, ...]] = {}
            self.own_busy_timeout = 0
            self.enforces_foreign_keys = False

    # What its holder does.

    def cursor(self, factory: Any = Cursor) -> Any:
        """Make a cursor."""
        cursor = super().cursor(factory)
        self.note(cursor)
        return cursor

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """Run a statement, by a cursor of its own; the driver's own shortcut would make one that nobody knows."""
        return cast(sqlite3.Cursor, self.cursor().execute(*statement))

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        """Run a statement many times, by a cursor of its own."""
        return cast(sqlite3.Cursor, self.cursor().executemany(*statement))

    def executescript(self, *script: Any) -> sqlite3.Cursor:
        """Run many statements, by a cursor of its own."""
        return cast(sqlite3.Cursor, self.cursor().executescript(*script))

    def blobopen(self, *arguments: Any, **options: Any) -> sqlite3.Blob:
        """Open a BLOB."""
        blob = super().blobopen(*arguments, **options)
        self.note(blob)
        return blob

    def note(self, what: Any) -> None:
        """Note what has to be closed when the connection is let go."""
        made = self.made
        made.append(ref(what, made.remove))
        self.is_used = True
        self._refuse_if_shut()

    def run(self, call: Callable[..., R], *arguments: Any, **options: Any) -> R:
        """Make a call of which the driver keeps no mark."""
        self.under_way.append(call)
        try:
            self._refuse_if_shut()
            return call(*arguments, **options)
        finally:
            self.under_way.pop()

    def _refuse_if_shut(self) -> None:
        """Let nobody in while it is being cleared. Whoever asks has left a mark before: it is seen, or he sees this."""
        if self.is_shut:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    def commit(self) -> None:
        """Commit."""
        self.run(super().commit)

    def rollback(self) -> None:
        """Roll back."""
        self.run(super().rollback)

    def __exit__(self, *how: Any) -> Any:
        return self.run(super().__exit__, *how)

    def backup(self, *arguments: Any, **options: Any) -> None:
        """Copy the database."""
        self.run(super().backup, *arguments, **options)

    def set_authorizer(self, *callback: Any, **named: Any) -> None:
        """Have statements judged."""
        super().set_authorizer(*callback, **named)
        self.handlers["set_authorizer"] = (*callback, *named.values())

    def set_progress_handler(self, *handler: Any, **named: Any) -> None:
        """Have a function called while statements run."""
        super().set_progress_handler(*handler, **named)
        self.handlers["set_progress_handler"] = (*handler, *named.values())

    def set_trace_callback(self, *callback: Any, **named: Any) -> None:
        """Have statements told."""
        super().set_trace_callback(*callback, **named)
        self.handlers["set_trace_callback"] = (*callback, *named.values())

    # What its pool does.

    def is_let_go(self) -> bool:
        """End the cursors of the last use; False if another thread is still inside the connection.

        An open one would keep the next holder in its snapshot. Raises `sqlite3.ProgrammingError` if it is closed.
        """
        self.is_shut = True
        try:
            return not self.under_way and self._close_all()
        except (sqlite3.ProgrammingError, ValueError):
            _ = self.total_changes  # which raises if the connection is closed
            return False
        finally:
            self.is_shut = self.is_ended

    def _close_all(self) -> bool:
        """Close whatever was made, which raises of what is under way. That is most likely the newest."""
        for each in self.made[::-1]:
            what = each()
            if what is not None:
                what.close()
        return True

    def has_other_handlers(self) -> bool:
        """Were handlers set, or taken off, since it was opened?"""
        return self.handlers != self.own_handlers

    def put_handlers_back(self) -> None:
        """Set the handlers that it was opened with, and no others."""
        for name in self.handlers:
            getattr(sqlite3.Connection, name)(self, *self.own_handlers.get(name, OFF[name]))
        self.handlers = dict(self.own_handlers)

    def note_settings(self) -> None:
        """Note how handlers, foreign keys and the patience with locks are set: so each holder is to find them."""
        self.own_handlers = dict(self.handlers)
        self.enforces_foreign_keys = self._checks_foreign_keys()
        self.own_busy_timeout = self.pragma("busy_timeout")

    def keeps_promises(self) -> bool:
        """Are foreign keys and the patience with locks as they were at first? Looked up only if it was used since."""
        if self.is_used and self._is_set_as_at_first():
            self.is_used = False
        return not self.is_used

    def _is_set_as_at_first(self) -> bool:
        is_enforcing = self._checks_foreign_keys() is self.enforces_foreign_keys
        return is_enforcing and self.pragma("busy_timeout") == self.own_busy_timeout

    def _checks_foreign_keys(self) -> bool:
        if sys.version_info >= (3, 12):
            return self.getconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY)
        return bool(self.pragma("foreign_keys"))

    def pragma(self, name: str) -> int:
        """Return a setting that is a number; it takes a microsecond, whatever kind of rows the holder wants."""
        cursor = sqlite3.Cursor(self)
        cursor.row_factory = None
        value: int = cursor.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def end(self, timeout: float) -> bool:
        """Close it. What another thread still runs in it is stopped, and waited for.

        False if that takes longer than so many seconds: then the connection closes when that thread drops it.
        """
        self.is_ended = True
        until = time.monotonic() + timeout
        while not self.is_let_go():
            if time.monotonic() >= until:
                return False
            self.interrupt()
            time.sleep(PAUSE)
        self.close()
        return True
