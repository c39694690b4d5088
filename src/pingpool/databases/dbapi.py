"""Any driver that follows PEP 249, pooled with what that standard offers: `commit`, `rollback`, `close`, cursors.

The standard has no ping, no word for "is a transaction open?" and no code for "the connection is lost", so this file
asks for a statement, rolls back whenever the driver cannot say that nothing is open, and knows the codes of a dozen
drivers (`disconnects`). Databases with a file of their own know better.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from pingpool.database import Database, Meaning, Traits
from pingpool.databases import disconnects
from pingpool.databases.callables import GivenTraits


class Cursor(Protocol):
    """What is used of a PEP 249 cursor."""

    def execute(self, statement: str, /) -> object:
        """Run a statement."""
        ...

    def fetchall(self) -> Iterable[object]:
        """Return what it found."""
        ...

    def close(self) -> object:
        """End the cursor."""
        ...


class Connection(Protocol):
    """What is used of a PEP 249 connection."""

    def cursor(self) -> Any:
        """Return a cursor."""
        ...

    def rollback(self) -> object:
        """Undo what is open."""
        ...

    def close(self) -> object:
        """End the connection."""
        ...


C = TypeVar("C", bound=Connection)

ROOTS = ("Error", "DatabaseError", "InterfaceError", "OperationalError", "InternalError")
"""The classes of PEP 249 from which a driver's errors come."""


class DBAPITraits(Traits[C]):
    """What can be said of any driver."""

    _errors: tuple[type[BaseException], ...]
    """The driver's errors, if it is known."""

    def needs_reset(self, session: C) -> bool | None:
        """Is a transaction open? Some drivers tell; the others cannot, unless in autocommit."""
        in_transaction = getattr(session, "in_transaction", None)
        if isinstance(in_transaction, bool):
            return in_transaction
        return False if getattr(session, "autocommit", False) is True else None

    def meaning_of(self, error: BaseException) -> Meaning:
        """Most drivers have codes; of the errors of the driver that was given words count, too."""
        return disconnects.meaning_of(error, self._errors)


class DBAPI(GivenTraits[C], DBAPITraits[C], Database[C]):
    """Connections of a PEP 249 driver.

        pool = pingpool.open(DBAPI(lambda: driver.connect(...), driver=driver))

    Args:
        connect: opens one connection.
        driver: the driver's module, for its exceptions; without it an error without a code is no disconnect.
        ping: the statement that proves a connection alive.
        meaning_of: what does this error mean? If it returns None, the error is judged by its codes, or its text.
        looks_alive: does this connection look alive? Asked at each checkout, so it must cost no round trip.
        expires_in: in how many seconds does this new connection end by itself? None if it does not.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        *,
        driver: Any = None,
        ping: str = "SELECT 1",
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[C], bool] | None = None,
        expires_in: Callable[[C], float | None] | None = None,
    ) -> None:
        super().__init__(meaning_of=meaning_of, looks_alive=looks_alive, expires_in=expires_in)
        self._connect = connect
        self._statement = ping
        self._errors = tuple(getattr(driver, name) for name in ROOTS if hasattr(driver, name))

    def create(self, *, labels: Mapping[str, str], timeout: float) -> C:
        """Connect."""
        return self._connect()

    def ping(self, session: C, *, timeout: float) -> None:
        """Run the statement, and leave no transaction open behind it."""
        cursor: Cursor = session.cursor()
        cursor.execute(self._statement)
        cursor.fetchall()
        cursor.close()
        if self.needs_reset(session) is not False:
            roll_back(session)

    def delete(self, session: C, *, timeout: float) -> None:
        """Close the connection."""
        session.close()

    def reset(self, session: C, *, timeout: float) -> None:
        """Roll back."""
        roll_back(session)


def roll_back(session: Connection) -> None:
    """Roll back; a driver may complain that there is nothing to undo, as DuckDB does."""
    try:
        session.rollback()
    except Exception as error:
        if not disconnects.says_nothing_open(error):
            raise
