"""Everything a pool may raise of its own.

Each error is also the error of the standard library that callers of a queue expect, so that code written
for `queue.Queue`, or for google-cloud-spanner's pools, catches it without knowing this package.
"""

import queue
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

E = TypeVar("E", bound=BaseException)


class PoolError(Exception):
    """Whatever goes wrong in a pool, as opposed to in its database."""


class PoolTimeout(PoolError, queue.Empty, TimeoutError):
    """No session could be had in time; or, from `wait`, too few were open when the time was up.

    The text says how long the caller waited, what the pool's sessions were doing, where those in use were checked out
    and for how long they have been held, and what the matter may be. `__notes__` are the last failures to make or to
    prove one, with their ages; `__cause__` is the last of them, if the pool has not been well since.
    """


class TooManyWaiters(PoolTimeout):
    """Refused at once: `max_waiters` callers are waiting already."""


class PoolDeadlock(PoolTimeout):
    """Refused at once: every session is held by a block whose thread, or task, waits for another one of this pool.

    The last to come is told, so that its own block ends and the others can go on. Only `session()` blocks count: they
    end where they began. A session of a bare `get` may be given back by anybody, so it holds nobody up for certain.
    """


class DatabaseRefuses(PoolTimeout):
    """Refused at once: there is no session, and the database gives none for a reason that waiting will not heal.

    `__cause__` is its reason: a wrong password, an unknown database. The pool goes on trying, and is well again by
    itself once the reason is gone.
    """


class PoolFull(PoolError, queue.Full):
    """There is no slot for the session that was put."""


class AlreadyReturned(PoolFull):
    """The session was given back before; it may be in somebody else's hands by now."""


class NotLent(PoolFull):
    """The pool did not lend this object: a session of another pool or process, or no session at all."""


class PoolClosed(PoolError):
    """The pool is closed: it lends no more sessions."""


class WrongLoop(PoolError, RuntimeError):
    """A pool for asyncio, and its sessions, belong to the event loop in which it was first used: not to this one."""


class BoundElsewhere(PoolError):
    """The pool is bound to one database and was asked to bind to another."""


class CannotFill(PoolError):
    """`bind`, or `open`, could not open as many sessions as it was to wait for. `__cause__` says why.

    A pool that was empty is empty and unbound again; one that was bound keeps what it has.
    """


class Overrun(PoolError, TimeoutError):
    """The database took longer than `io_timeout` over one call; its session is given up, its slot is not."""


class BadSession(PoolError, TypeError):
    """The database's `create` returned what cannot be pooled: None, or a session that the pool has already."""


class BeyondReset(PoolError):
    """What the last holder left in a session cannot be undone: the session is ended, and replaced.

    The `reset` of a database raises it. `reason` is what `Stats.replaced` counts it as: "left busy" (something is
    still under way in it), "left open" (a transaction, a subscription), or "changed" (a setting).
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text or self.reason


class LooksDead(PoolError):
    """A session answered a ping, but the database's `looks_alive` says no; it is replaced: nobody would get it."""


class DeadOnArrival(PoolError):
    """A new session was dead before a ping or a use that ended well had proven it.

    If it happens again, the pool waits before it opens more.
    """


class UnknownScheme(PoolError, ValueError):
    """No installed package knows how to open this kind of URL."""


class BadURL(PoolError, ValueError):
    """The URL is of a known kind, but something in it makes no sense."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and whatever caused it as a traceback would show it; of a group also its members."""
    return _reachable(
        error, lambda each: (each.__cause__, None if each.__cause__ or each.__suppress_context__ else each.__context__)
    )


def all_behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and every other that it holds on to, also those that a traceback would not show."""
    return _reachable(error, lambda each: (each.__cause__, each.__context__))


def _reachable(
    error: BaseException, behind: Callable[[BaseException], Iterable[BaseException | None]]
) -> Iterator[BaseException]:
    """Yield an error, what is behind it, what is behind that, and so on, and the members of groups; each once."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += behind(each)
            members: tuple[BaseException, ...] = getattr(each, "exceptions", ())  # of a group
            left += members


def with_notes(error: E, pools: BaseException) -> E:
    """Return an error of a framework with the notes of the pool's error that it stands for."""
    for note in getattr(pools, "__notes__", ()):
        error.add_note(note)
    return error
