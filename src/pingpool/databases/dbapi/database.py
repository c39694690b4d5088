"""Any driver that follows PEP 249, pooled with what that standard offers: `commit`, `rollback`, `close`, cursors.

The standard has no ping, no word for "is a transaction open?" and no code for "the connection is lost", so this file
asks for a statement, rolls back whenever the driver cannot say that nothing is open, and knows the codes of a dozen
drivers (`disconnects`), what some of them tell beyond the standard (`drivers`), how their connections may be set
(`settings`), and which answers are owed by one that is written in Python (`unanswered`). In autocommit many a
`rollback()` does nothing: a BEGIN that was sent by hand is ended by the statement. Databases with a file of their own
know better.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from pingpool.database import Meaning
from pingpool.databases.callables import GivenTraits, Link, both
from pingpool.databases.common.configuring import Configured, Remembering, to_configure
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.given import checked
from pingpool.databases.common.resets import Reset, Resets
from pingpool.databases.common.rows import prove_in_step
from pingpool.databases.dbapi import disconnects, drivers, endings, unanswered
from pingpool.databases.dbapi.settings import Settings
from pingpool.databases.postgres.words import UNLOCK
from pingpool.pool.hooks import overrides


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

    def commit(self) -> object:
        """Keep what is open."""
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


class DBAPITraits(Remembering[C]):
    """What can be said of any driver."""

    _errors: tuple[type[BaseException], ...]
    """The driver's errors, if it is known."""
    _packages: frozenset[str]
    """Where they come from; none if nobody can look at a session, to see whether it died before an error of another."""

    _resets: Resets
    _settings: Settings

    def remember_opened(self, session: C) -> None:
        """Note from now on whether what is sent is answered."""
        unanswered.watch(session)

    def remember(self, session: C) -> None:
        """Note how a connection is set that is ready to be lent."""
        self._settings.remember(session)

    def let_go(self, session: C) -> None:
        """Forget how it was set."""
        self._settings.forget(session)

    def needs_reset(self, session: C) -> bool | None:
        """Is anything open or under way, or set otherwise? None of a driver that tells of no transactions."""
        is_open = endings.is_busy(session) or drivers.in_transaction(session)
        if is_open or self._settings.changed(session):
            return True
        return None if is_open is None else self._resets.at_rest

    def in_transaction(self, session: C) -> bool:
        """Is a transaction open, as far as the driver tells? It may have read only."""
        return drivers.in_transaction(session) is True

    def meaning_of(self, error: BaseException) -> Meaning:
        """Most drivers have codes; of the errors of the driver that was given words count, too."""
        if self._packages and is_foreign(error, self._packages):
            return Meaning.FOREIGN
        return disconnects.meaning_of(error, self._errors)


class DBAPI(GivenTraits[C], DBAPITraits[C], Configured[C]):
    """Connections of a PEP 249 driver.

        pool = pingpool.open(DBAPI(lambda: driver.connect(...), driver=driver))

    Args:
        connect: opens one connection.
        driver: the driver's module, for its exceptions; without it an error without a code is no disconnect.
        ping: the statement that proves a connection alive; by default `SELECT` and a number, another one each time, so
            that the answer to something else is not taken for its own; with Oracle's drivers, their own `ping()`.
        meaning_of: what does this error mean? If it returns None, the error is judged by its codes, or its text.
        looks_alive: does this connection look alive? Asked at each checkout, so it must cost no round trip. A driver
            that has an `is_healthy` is asked besides.
        needs_reset: is anything open in this connection? None if that cannot be told. What the driver tells of itself
            is asked first.
        expires_in: in how many seconds does this new connection end by itself? None if it does not.
        survived_interrupt: may this connection be used again although its holder was interrupted?
        socket: returns the connection's socket, or its descriptor, or what has a `fileno()`; None if it is closed. It
            is looked at before each checkout, and ended under a call that hangs.
        configure: a function of the connection that sets a new one up; what it leaves uncommitted is committed.
        reset: "rollback", or a function of the connection that is called each time it comes back, after the rollback.

    Raises:
        ValueError: there is no statement for a full reset that all databases know.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        *,
        driver: Any = None,
        ping: str | None = None,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[C], bool] | None = None,
        needs_reset: Callable[[C], bool | None] | None = None,
        expires_in: Callable[[C], float | None] | None = None,
        survived_interrupt: Callable[[C], bool] | None = None,
        socket: Callable[[C], Link] | None = None,
        configure: Callable[[C], object] | None = None,
        reset: Reset = "rollback",
    ) -> None:
        super().__init__(
            meaning_of=meaning_of,
            looks_alive=both(drivers.look_of(driver), looks_alive),
            expires_in=expires_in,
            survived_interrupt=survived_interrupt,
            socket=socket,
        )
        self._needs_reset = checked("needs_reset", needs_reset)
        self._configure = to_configure(configure)
        if reset == "full":
            raise ValueError('DBAPI: databases have no common word for reset="full": give a function that says theirs')
        self._resets = Resets(reset)
        self._settings = Settings()
        self._connect = connect
        self._statement = ping
        self._errors = tuple(getattr(driver, name) for name in ROOTS if hasattr(driver, name))
        self._can_look = overrides(self, "looks_alive")
        packages = drivers.packages_of(driver, *self._errors)
        self._packages = packages if self._can_look else frozenset()
        if packages & drivers.OF_POSTGRES:
            vars(self)["unlock"] = self._let_go_of_advisory_locks

    def create(self, *, labels: Mapping[str, str], timeout: float) -> C:
        """Connect."""
        session = self._connect()
        self.remember_opened(session)
        return session

    def keep(self, session: C) -> None:
        """Commit what was set. Raises `RuntimeError` where a commit would only end a transaction that has failed."""
        if drivers.status_of(session) == drivers.FAILED:
            raise RuntimeError("configure left a transaction in which a statement had failed")
        end_transaction(session, "COMMIT")

    def needs_reset(self, session: C) -> bool | None:
        """Is anything open, by what the driver tells, and by the function for that?"""
        told = super().needs_reset(session)
        if told or self._needs_reset is None:
            return told
        return self._needs_reset(session)

    def ping(self, session: C, *, timeout: float) -> None:
        """Run the statement, and leave no transaction open behind it."""
        if self._statement:
            answer(session, self._statement)
        elif drivers.has_ping(session):
            with_a_ping: Any = session
            with_a_ping.ping()
        else:
            prove_in_step(partial(answer, session))
        if drivers.in_transaction(session) is not False:
            unless_nothing_is_open(session.rollback)

    def _let_go_of_advisory_locks(self, session: C, *, timeout: float) -> None:
        """Undo what a rollback does not, where that is known, and leave no transaction open behind it."""
        try:
            answer(session, UNLOCK)
        except Exception as error:
            if not disconnects.says_no_such_function(error):
                raise
        unless_nothing_is_open(session.rollback)

    def delete(self, session: C, *, timeout: float) -> None:
        """Close the connection; what runs in it is cancelled first, where the driver has a way."""
        self._settings.forget(session)
        endings.close(session, timeout)

    def abort(self, session: C) -> None:
        """Have what runs cancelled, and end the stream, where the driver, or a function, shows its socket."""
        endings.cancel_from_outside(session)
        end_stream = endings.end_stream if self._socket is None else self.hang_up
        end_stream(session)

    def reset(self, session: C, *, timeout: float) -> None:
        """Roll back, and put the settings of the connection object back.

        A rollback may have sent nothing. So where nobody can look at a connection it is pinged, too: if its holder told
        nobody that it had died, the next one would meet a dead one.
        """
        endings.refuse_busy(session)
        end_transaction(session, "ROLLBACK")
        self._settings.put_back(session)
        self._resets.call(session)
        if not self._can_look and drivers.in_transaction(session) is None:
            self.ping(session, timeout=timeout)


def answer(session: Connection, statement: str) -> list[object]:
    """Run a statement, and return its rows."""
    cursor: Cursor = session.cursor()
    cursor.execute(statement)
    rows = list(cursor.fetchall())
    cursor.close()
    return rows


def end_transaction(session: Connection, how: Literal["COMMIT", "ROLLBACK"]) -> None:
    """End what is open. In autocommit many a driver would do nothing: there a statement ends what a BEGIN has begun."""
    unless_nothing_is_open(session.commit if how == "COMMIT" else session.rollback)
    if drivers.in_transaction(session) is not False and drivers.is_in_autocommit(session):
        cursor: Cursor = session.cursor()
        unless_nothing_is_open(partial(cursor.execute, how))
        cursor.close()


def unless_nothing_is_open(end: Callable[[], object]) -> None:
    """End a transaction; a driver or a server may complain that there is none, as DuckDB does."""
    try:
        end()
    except Exception as error:
        if not disconnects.says_nothing_open(error):
            raise
