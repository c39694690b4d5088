"""What is known of a driver, used for objects that wrap its connections, for example those of an ORM.

    database = Postgres("host=db dbname=shop")
    engine = create_engine("postgresql+psycopg://", creator=lambda: database.create(labels={}, timeout=10))
    records = Through(database, create=engine.pool._create_connection, unwrap=lambda record: record.dbapi_connection)

What is pooled and lent is the wrapper. The database is asked about what is inside of it.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

from pingpool.database import AsyncDatabase, Database, Meaning, S, Traits, named
from pingpool.databases.common.given import checked, fitted
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.offers import offer
from pingpool.databases.common.records import Records
from pingpool.errors import BeyondReset, causes
from pingpool.pool.hooks import is_coroutine_function, overrides

W = TypeVar("W")
"""The wrapper."""

M = TypeVar("M")
"""What `create` makes: a wrapper, or what is to be awaited for one."""

SAYS_NOTHING = (Meaning.UNKNOWN, Meaning.FOREIGN)
"""What an error means that may still be wrapped around one of the driver's."""


class Wrapping(Identified, Traits[W], Generic[W, M, S]):
    """What both worlds share: who is asked about what.

    The wrapper must keep the connection that it was opened with: one with another, which nobody has configured, or with
    none, is ended when it comes back, as "changed". That is seen if both take weak references.
    """

    def __init__(
        self,
        database: Database[S] | AsyncDatabase[S],
        *,
        create: Callable[..., M],
        unwrap: Callable[[W], S | None],
    ) -> None:
        self._database: Any = database
        self._create = fitted("create", create)
        self._unwrap = checked("unwrap", unwrap)
        self._first: Records[ref[Any]] = Records()
        self._asks = overrides(database, "needs_reset")
        self._identity = (database, create, unwrap)
        vars(self).update(ping=partial(self._call, "ping"), configure=self._configure, reset=self._reset)
        calls = {name: partial(self._call, name) for name in ("check", "unlock")}
        questions = {name: partial(self._ask, name) for name in ("expires_in", "survived_interrupt")}
        offer(self, database, {"looks_alive": self._looks_alive, "descriptor_of": self._descriptor_of})
        offer(self, database, {**calls, **questions})

    def meaning_of(self, error: BaseException) -> Meaning:
        """Ask about the error, and if that says nothing, about those that it may be wrapped around."""
        first: Meaning = self._database.meaning_of(error)
        if first not in SAYS_NOTHING:
            return first
        inside = (self._database.meaning_of(each) for each in causes(error) if each is not error)
        return next((meaning for meaning in inside if meaning not in SAYS_NOTHING), first)

    def needs_reset(self, session: W) -> bool | None:
        """Is anything open in the connection, or is it another one?"""
        if self._is_another(session):
            return True
        answer: bool | None = self._asks and self._ask("needs_reset", session)
        return answer

    def _descriptor_of(self, session: W) -> int | None:
        connection = self._unwrap(session)
        fd: int | None = None if connection is None else self._database.descriptor_of(connection)
        return fd

    def _looks_alive(self, session: W) -> bool:
        return self._unwrap(session) is not None and bool(self._ask("looks_alive", session))

    def _ask(self, name: str, session: W) -> Any:
        return getattr(self._database, name)(self._connection_of(session))

    def _call(self, name: str, session: W, *, timeout: float) -> Any:
        """Have the database do something; of one for asyncio that is to be awaited."""
        return getattr(self._database, name)(self._connection_of(session), timeout=timeout)

    def _configure(self, session: W, *, timeout: float) -> Any:
        with suppress(TypeError):  # what takes no weak references is not compared
            self._first.note(session, ref(self._connection_of(session)))
        return self._call("configure", session, timeout=timeout)

    def _reset(self, session: W, *, timeout: float) -> Any:
        if self._is_another(session):
            raise BeyondReset("changed", "the wrapper has no longer the connection that it was opened with")
        return self._call("reset", session, timeout=timeout)

    def _connection_of(self, session: W) -> S:
        connection = self._unwrap(session)
        if connection is None:
            raise ConnectionError("the wrapper has let go of its connection")
        return connection

    def _is_another(self, session: W) -> bool:
        """Has the wrapper another connection than it was opened with, or none?"""
        connection = self._unwrap(session)
        first = self._first.of(session)
        return connection is None or (first is not None and first() is not connection)

    def _is_at_work(self, session: W) -> bool:
        """May something run in the connection, which the database can end, and the wrapper cannot?"""
        try:
            return self._unwrap(session) is not None and bool(self.needs_reset(session))
        except Exception:
            return True

    def _place(self) -> str:
        return named(self._database)


class Through(Wrapping[W, W, S], Database[W]):
    """The wrappers around the connections of a database.

    Args:
        database: what is known of the connections. It need not have opened them itself if it is a `Postgres`, a `DBAPI`
            or a `MySQL(connect=…)`. Others know only connections of their own: let your wrapper have them opened by
            `database.create(labels=…, timeout=…)`.
        create: makes a wrapper, with an open connection in it. If it has parameters `labels` or `timeout`, they are
            passed.
        unwrap: returns the driver's connection; None if the wrapper has none any more. It must cost no round trip.

    Raises:
        TypeError: a function does not take what it is called with, or is a coroutine function.
    """

    def __init__(self, database: Database[S], *, create: Callable[..., W], unwrap: Callable[[W], S | None]) -> None:
        if is_coroutine_function(create):
            raise TypeError("create is a coroutine function: AsyncThrough, for open_async(), takes those")
        super().__init__(database, create=create, unwrap=unwrap)
        offer(self, database, {"abort": partial(self._ask, "abort")})

    def create(self, *, labels: Any, timeout: float) -> W:
        """Make a wrapper."""
        return self._create(labels=labels, timeout=timeout)

    def delete(self, session: W, *, timeout: float) -> None:
        """Close the wrapper; what may run in its connection is ended by the database before."""
        close = getattr(session, "close", None)
        try:
            if close is None or self._is_at_work(session):
                self._call("delete", session, timeout=timeout)
        finally:
            if close is not None:
                close()


class AsyncThrough(Wrapping[W, Awaitable[W], S], AsyncDatabase[W]):
    """The same for asyncio: `database` is an `AsyncDatabase`, `create` a coroutine function.

    Raises:
        TypeError: a function does not take what it is called with.
    """

    def __init__(
        self, database: AsyncDatabase[S], *, create: Callable[..., Awaitable[W]], unwrap: Callable[[W], S | None]
    ) -> None:
        super().__init__(database, create=create, unwrap=unwrap)

    async def create(self, *, labels: Any, timeout: float) -> W:
        """Make a wrapper."""
        return await self._create(labels=labels, timeout=timeout)

    async def delete(self, session: W, *, timeout: float) -> None:
        """Close the wrapper, by its `aclose()` or `close()`; what may run is ended by the database before."""
        close = getattr(session, "aclose", None) or getattr(session, "close", None)
        try:
            if close is None or self._is_at_work(session):
                await self._call("delete", session, timeout=timeout)
        finally:
            if close is not None:
                closing = close()
                if isinstance(closing, Awaitable):
                    await closing
