"""What a pool asks of a database, and what the errors of one mean.

Write `create`. Add `meaning_of`, so that a pool understands the errors. The rest when you need it.

The `Traits` are asked in passing, by whoever calls `get` or `put`: they must answer at once, without I/O. The methods
of `Database` and `AsyncDatabase` are called by the pool's own workers. Any of all these may raise anything: that costs
at most one session, never its slot.

What is pooled is the driver's own object. A pool notices that its holder dropped it. Of one that takes no weak
references it is seen by a look at who refers to it, but not without the GIL: there the log tells when the first one is
opened.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

from pingpool.errors import BadURL, PoolError, causes

S = TypeVar("S")


class Meaning(Enum):
    """What an error means. One answer serves every place where the error comes up.

    ================  =========================  ==========================  =====================================
    an error of …     LOST, MISPLACED            TRANSIENT                   all others
    ================  =========================  ==========================  =====================================
    a use             replaced                   pinged before it is lent    pinged, too, unless FOREIGN
                                                 again
    `ping`, `check`   gone                       tried again later           gone; if REFUSED, tried again later
    `reset`           gone                       ended and replaced          the same, as after `BeyondReset`
    `create`          tried again after a pause  the same                    the same; see REFUSED and UNREACHABLE
    `configure`       the same as of `create`    the same                    the same
    ================  =========================  ==========================  =====================================
    """

    LOST = "lost"
    """It ended the session. The idle ones come under suspicion. A session that looks alive is pinged instead."""
    MISPLACED = "misplaced"
    """It comes from a node that is no longer the right one. As LOST, also when the session looks alive."""
    TRANSIENT = "transient"
    """It says nothing of the session: for example that the server is overloaded."""
    REFUSED = "refused"
    """Of `create`: it comes again until somebody mends the cause, such as a wrong password. Waiters are told at once;
    where sessions could be opened before, after a second attempt. Of a ping it says nothing of the session."""
    UNREACHABLE = "unreachable"
    """Of `create`: nobody listens there, so more frequent attempts trouble nobody."""
    FOREIGN = "foreign"
    """It is none of the driver's. It says nothing against the session: a use that ends in it is as good as another,
    if the session looks alive; only the locks that it may hold are let go (`unlock`)."""
    UNKNOWN = "unknown"
    """Anything else."""


def named(database: object) -> str:
    """Name a database by its class and its `name`, if it has one: the `repr` of others may hold a password."""
    name = getattr(database, "name", None)
    return f"{type(database).__name__}({name})" if isinstance(name, str) else type(database).__name__


class Traits(Generic[S]):
    """What is asked of a database in passing, the same for threads and for asyncio. All of it is optional."""

    usual_interval: float | Literal["auto"] = "auto"
    """The `ping_interval` of the pools that `pingpool.open` makes, if nothing else is said: seconds, or "auto"."""

    lives_at_server: bool = False
    """Does a session live at the server, apart from any connection? Then only an error that means LOST tells of its
    end: no other one of a ping ends it, however often it comes, and one that cannot be deleted is deleted later."""

    def looks_alive(self, session: S) -> bool:
        """Does the session look alive? Asked at each checkout."""
        return True

    def descriptor_of(self, session: S) -> int | None:
        """Which file descriptor has the session's socket? None of one that is closed.

        Asked of a new session, after each call to it that went well, and before it leaves the pool. Where the system
        can tell, a pool hears from then on when the server hangs up, and replaces an idle session at that moment.
        """
        return None

    def needs_reset(self, session: S) -> bool | None:
        """Did the last holder leave something open, such as a transaction? None if that cannot be told.

        Asked at each check-in, and after each call to the session: `pingpool.pool.handover` has the table. True and
        None have it reset. One that says True after that is ended, and a new one that does is refused.
        """
        return False

    def in_transaction(self, session: S) -> bool:
        """Is a transaction open, whose work a rollback undoes? Asked at a check-in, unless `needs_reset` says False.

        If so, that is counted (`stats().rolled_back`), and the log tells once for each place where it was left open;
        unless the reset finds that it had changed nothing: see `had_written`.
        """
        return False

    def had_written(self, session: S) -> bool:
        """Had the transaction changed anything that the last `reset` has rolled back? Asked right after that.

        If not, the rollback has undone no work, and nobody is told of it.
        """
        return True

    def let_go(self, session: S) -> None:
        """The session is detached from its pool: undo what marks it as pooled. It is its holder's own now."""

    def expires_in(self, session: S) -> float | None:
        """In how many seconds does this session end by itself, for example because a token expires? None: it does not.

        Asked once, of a new session. It is replaced ahead of that time, and never lent after it.
        """
        return None

    def survived_interrupt(self, session: S) -> bool:
        """May the session be used again although its holder was interrupted, or cancelled, in the middle of a use?"""
        return False

    def meaning_of(self, error: BaseException) -> Meaning:
        """What does this error mean? By default only a `BadURL` and a `ConnectionRefusedError` are understood."""
        if isinstance(error, BadURL):
            return Meaning.REFUSED
        is_refused = any(isinstance(each, ConnectionRefusedError) for each in causes(error))
        return Meaning.UNREACHABLE if is_refused else Meaning.UNKNOWN

    def for_callers(self, error: PoolError, cause: BaseException) -> PoolError:
        """Return an error of the pool, caused by one of this database, as callers of its driver catch it."""
        return error

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Database(Traits[S], ABC):
    """Opens, proves and ends the sessions of one database. Only `create` has to be written.

    Timeouts are seconds, always positive. A call that takes longer is given up: its session is replaced, and what it
    still returns is deleted.
    """

    @abstractmethod
    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session. `labels` should become visible to whoever looks at the server."""

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open up to `count` sessions in one call; a pool asks again for what is missing.

        A pool of a database that does not override this opens sessions one by one, side by side.
        """
        return [self.create(labels=labels, timeout=timeout)]

    def ping(self, session: S, *, timeout: float) -> None:
        """Prove the session by a round trip that leaves nothing open, or raise. Default: `session.ping()`."""
        anything: Any = session
        anything.ping()

    def check(self, session: S, *, timeout: float) -> None:
        """Prove an overdue session to somebody who waits for it; that need not prolong its life. Default: a `ping`."""
        self.ping(session, timeout=timeout)

    def delete(self, session: S, *, timeout: float) -> None:
        """End the session, alive or dead. Default: `session.close()`, or else `session.delete()`."""
        anything: Any = session
        end = getattr(anything, "close", None) or anything.delete
        end()

    def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up, before anybody gets it. If that fails, so has its creation: the session is ended."""

    def reset(self, session: S, *, timeout: float) -> bool | None:
        """Undo what the last holder left open. Called unless `needs_reset` says that nothing is.

        Returns True if what `configure` had set is undone, too: then that is called again.

        Raises:
            BeyondReset: that cannot be undone.
        """

    def unlock(self, session: S, *, timeout: float) -> None:
        """Let go of the locks that a rollback does not end. Called after a use that ended in an error."""

    def abort(self, session: S) -> None:
        """Free the thread that hangs on this session, if that can be done at once from another thread."""


class AsyncDatabase(Traits[S], ABC):
    """The same for asyncio. Only `create` has to be written.

    A call that takes longer than its timeout is cancelled. What it leaves behind is its own to clean up; what it still
    returns is deleted.
    """

    @abstractmethod
    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session. `labels` should become visible to whoever looks at the server."""

    async def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open up to `count` sessions in one call; a pool asks again for what is missing.

        A pool of a database that does not override this opens sessions one by one, side by side.
        """
        return [await self.create(labels=labels, timeout=timeout)]

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove the session by a round trip that leaves nothing open, or raise. Default: `session.ping()`."""
        anything: Any = session
        await anything.ping()

    async def check(self, session: S, *, timeout: float) -> None:
        """Prove an overdue session to somebody who waits for it; that need not prolong its life. Default: a `ping`."""
        await self.ping(session, timeout=timeout)

    async def delete(self, session: S, *, timeout: float) -> None:
        """End the session, alive or dead. Default: its `aclose()`, or else `close()`, or else `delete()`."""
        anything: Any = session
        end = getattr(anything, "aclose", None) or getattr(anything, "close", None) or anything.delete
        ending = end()
        if isinstance(ending, Awaitable):
            await ending

    async def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up, before anybody gets it. If that fails, so has its creation: the session is ended."""

    async def reset(self, session: S, *, timeout: float) -> bool | None:
        """Undo what the last holder left open. Called unless `needs_reset` says that nothing is.

        Returns True if what `configure` had set is undone, too: then that is called again.

        Raises:
            BeyondReset: that cannot be undone.
        """

    async def unlock(self, session: S, *, timeout: float) -> None:
        """Let go of the locks that a rollback does not end. Called after a use that ended in an error."""
