"""SQLite, by the standard library: what is pooled is a `sqlite3.Connection` that takes weak references."""

from collections.abc import Mapping

from pingpool.database import Database
from pingpool.databases.sqlite.traits import Connection, SQLiteTraits


class SQLite(SQLiteTraits[Connection], Database[Connection]):
    """The sessions of one SQLite database.

    Args:
        path: a file, made when it is not there; or ":memory:" for one that all connections of this object share and
            that lasts as long as it.
        busy_timeout: seconds that a statement waits for another connection's lock before it gives up.
    """

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Connection:
        """Open a connection."""
        return self.open()

    def ping(self, session: Connection, *, timeout: float) -> None:
        """Look for the file, and run a statement, which opens no transaction."""
        self.refuse_other_file(session)
        session.execute(self.question).fetchall()

    def delete(self, session: Connection, *, timeout: float) -> None:
        """Close the connection; what was open in it is rolled back."""
        session.close()

    def reset(self, session: Connection, *, timeout: float) -> None:
        """Roll back."""
        session.rollback()

    def survived_interrupt(self, session: Connection) -> bool:
        """Every call ran to its end before Python raised the interrupt."""
        return True

    def abort(self, session: Connection) -> None:
        """Stop the statement that is running."""
        session.interrupt()
