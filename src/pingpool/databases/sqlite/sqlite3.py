"""SQLite, by the standard library: what is pooled is a `sqlite3.Connection` that takes weak references."""

from collections.abc import Mapping
from contextlib import suppress
from sqlite3 import ProgrammingError

from pingpool.databases.common.configuring import Configured
from pingpool.databases.common.timeouts import SHARE_OF_TIME
from pingpool.databases.sqlite.connection import Connection
from pingpool.databases.sqlite.traits import SQLiteTraits, end_transaction


class SQLite(SQLiteTraits[Connection], Configured[Connection]):
    """The sessions of one SQLite database.

    Args:
        path: a file, made when it is not there; or ":memory:" for one that all connections of this object share and
            that lasts as long as it.
        busy_timeout: seconds that a statement waits for another connection's lock before it gives up.
        reset: what is undone when a session comes back, besides its transaction, cursors and attributes: "rollback",
            nothing; "full", all of it, by opening the connection anew; or a function of the session.
        configure: a function of the connection that sets a new one up (PRAGMAs, functions, handlers, a `row_factory`);
            what it leaves uncommitted is committed.
    """

    DRIVERS = ("pysqlite",)

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Connection:
        """Open a connection."""
        return self.open()

    def ping(self, session: Connection, *, timeout: float) -> None:
        """Look for the file, and run a statement, which opens no transaction."""
        self.refuse_other_file(session)
        session.execute(self.question).fetchall()

    def delete(self, session: Connection, *, timeout: float) -> None:
        """Close the connection; a statement that is running is stopped, and what was open is rolled back."""
        with suppress(ProgrammingError):  # it is closed already
            session.end(SHARE_OF_TIME * timeout)

    def keep(self, session: Connection) -> None:
        """Commit what was set."""
        end_transaction(session, "COMMIT")

    def reset(self, session: Connection, *, timeout: float) -> bool:
        """Roll back, and put back what the last holder set."""
        self.clear(session)
        self._resets.call(session)
        return self._resets.is_full

    def survived_interrupt(self, session: Connection) -> bool:
        """Every call ran to its end before Python raised the interrupt; one in another thread is seen at check-in."""
        return True

    def abort(self, session: Connection) -> None:
        """Stop the statement that is running."""
        session.interrupt()
