"""What a pool asks of a database.

A `Database` opens, proves and ends sessions; it is the only part that knows a driver. The pool calls every method
marked *crew* from its own background threads, never from the thread of a caller in `get` or `put`; the others are
called in passing and must return at once, without a round trip.

What is pooled is the driver's own object, never a proxy. A type that takes weak references lets the pool notice
sessions that their holders dropped.

Any method may raise anything: an error costs at most the session it was about, never its slot.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pingpool.errors import causes

S = TypeVar("S")


class Database(ABC, Generic[S]):
    """Opens, proves and ends the sessions of one database. Only `create` has to be written.

    Timeouts are seconds, always positive. A method that overruns its timeout is given up: the pool replaces the
    session and reports `Overrun`; whatever the method still returns later is deleted.
    """

    @abstractmethod
    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session (crew). `labels` should become visible to whoever looks at the server."""

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open up to `count` sessions in one call (crew); fewer are welcome, the pool asks again for the rest.

        Overridden by databases that have such a call; otherwise the pool opens sessions one by one, side by side.
        """
        return [self.create(labels=labels, timeout=timeout)]

    def ping(self, session: S, *, timeout: float) -> None:
        """Prove by a round trip that the session is alive (crew), and leave nothing open behind; raises if it is not.

        The default calls `session.ping()`.
        """
        anything: Any = session
        anything.ping()

    def check(self, session: S, *, timeout: float) -> None:
        """Prove an overdue session to somebody who waits for it (crew); it need not prolong its life. A `ping`, if not
        overridden.
        """
        self.ping(session, timeout=timeout)

    def delete(self, session: S, *, timeout: float) -> None:
        """End the session, alive or dead (crew). The default calls `session.close()`, or else `session.delete()`."""
        anything: Any = session
        end = getattr(anything, "close", None) or anything.delete
        end()

    def glance(self, session: S) -> bool:
        """Does the session look alive? Asked at each checkout, so it must cost no round trip."""
        return True

    def needs_reset(self, session: S) -> bool:
        """Did the last holder leave something open, say a transaction? Asked at each check-in, without a round trip."""
        return False

    def reset(self, session: S, *, timeout: float) -> None:
        """Undo what the last holder left open (crew). Only called when `needs_reset` says so."""

    def is_lost(self, error: BaseException) -> bool:
        """Does this error, which ended a `session()` block or a `reset`, mean that the session is dead?"""
        return False

    def is_transient(self, error: BaseException) -> bool:
        """Does this error of `ping` say nothing about the session itself (the server is overloaded)?

        If so the session stays, unproven, and is pinged again after a pause; when three rounds of pings have proved no
        session at all it is replaced all the same. Any other error of `ping` means that it is dead.
        """
        return False

    def is_fatal(self, error: BaseException) -> bool:
        """Will opening a session fail again until somebody mends the cause (a wrong password)? Asked of `create`."""
        return False

    def is_down(self, error: BaseException) -> bool:
        """Was there no server to open a session with, so that asking again soon troubles nobody? Asked of `create`.

        By default that is so if a `ConnectionRefusedError` is the error or one of its causes.
        """
        return any(isinstance(each, ConnectionRefusedError) for each in causes(error))

    def abort(self, session: S) -> None:
        """Free the thread that hangs on this session, if that can be done at once from another thread."""

    def __repr__(self) -> str:
        """Name the kind of database; one that knows its address says more."""
        return f"{type(self).__name__}()"

    def resync(self, session: S) -> bool:
        """May the session be used again although its holder was interrupted in the middle of a call?"""
        return False


class AsyncDatabase(ABC, Generic[S]):
    """The same for asyncio: what makes a round trip is a coroutine. Only `create` has to be written.

    The pool awaits the methods marked *crew* in tasks of its own, never in the task of a caller in `get` or `put`. One
    that overruns its timeout is cancelled and given up: what a cancelled method leaves behind is its own to clean up,
    and whatever it still returns is deleted. The others are called in passing and must return at once.
    """

    @abstractmethod
    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session (crew). `labels` should become visible to whoever looks at the server."""

    async def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open up to `count` sessions in one call (crew); fewer are welcome, the pool asks again for the rest.

        Overridden by databases that have such a call; otherwise the pool opens sessions one by one, side by side.
        """
        return [await self.create(labels=labels, timeout=timeout)]

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove by a round trip that the session is alive (crew), and leave nothing open behind; raises if it is not.

        The default awaits `session.ping()`.
        """
        anything: Any = session
        await anything.ping()

    async def check(self, session: S, *, timeout: float) -> None:
        """Prove an overdue session to somebody who waits for it (crew); it need not prolong its life. A `ping`, if not
        overridden.
        """
        await self.ping(session, timeout=timeout)

    async def delete(self, session: S, *, timeout: float) -> None:
        """End the session, alive or dead (crew).

        The default calls the first there is of `session.aclose()`, `close()` and `delete()`, and awaits what can be
        awaited.
        """
        anything: Any = session
        end = getattr(anything, "aclose", None) or getattr(anything, "close", None) or anything.delete
        goodbye = end()
        if isinstance(goodbye, Awaitable):
            await goodbye

    def glance(self, session: S) -> bool:
        """Does the session look alive? Asked at each checkout, so it must cost no round trip."""
        return True

    def needs_reset(self, session: S) -> bool:
        """Did the last holder leave something open, say a transaction? Asked at each check-in, without a round trip."""
        return False

    async def reset(self, session: S, *, timeout: float) -> None:
        """Undo what the last holder left open (crew). Only called when `needs_reset` says so."""

    def is_lost(self, error: BaseException) -> bool:
        """Does this error, which ended a `session()` block or a `reset`, mean that the session is dead?"""
        return False

    def is_transient(self, error: BaseException) -> bool:
        """Does this error of `ping` say nothing about the session itself (the server is overloaded)?

        If so the session stays, unproven, and is pinged again after a pause; when three rounds of pings have proved no
        session at all it is replaced all the same. Any other error of `ping` means that it is dead.
        """
        return False

    def is_fatal(self, error: BaseException) -> bool:
        """Will opening a session fail again until somebody mends the cause (a wrong password)? Asked of `create`."""
        return False

    def is_down(self, error: BaseException) -> bool:
        """Was there no server to open a session with, so that asking again soon troubles nobody? Asked of `create`.

        By default that is so if a `ConnectionRefusedError` is the error or one of its causes.
        """
        return any(isinstance(each, ConnectionRefusedError) for each in causes(error))

    def __repr__(self) -> str:
        """Name the kind of database; one that knows its address says more."""
        return f"{type(self).__name__}()"

    def resync(self, session: S) -> bool:
        """May the session be used again although its holder was cancelled in the middle of a call?"""
        return False
