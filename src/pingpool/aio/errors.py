"""The errors of `pingpool.errors`, as callers of asyncio's queues expect them.

They have the same names and are caught by the same names. Each is in addition a subclass of the error of
`asyncio.Queue` that says the same, which is no subclass of the one of `queue.Queue`.
"""

import asyncio

from pingpool import errors


class PoolTimeout(errors.PoolTimeout, asyncio.QueueEmpty):
    """No session could be had in time."""


class TooManyWaiters(errors.TooManyWaiters, PoolTimeout):
    """Refused at once: `max_waiters` callers are waiting already."""


class PoolDeadlock(errors.PoolDeadlock, PoolTimeout):
    """Refused at once: every session is held by a block whose task waits for another one of this pool."""


class DatabaseRefuses(errors.DatabaseRefuses, PoolTimeout):
    """Refused at once: there is no session, and the database gives none for a reason that waiting will not heal."""


class PoolFull(errors.PoolFull, asyncio.QueueFull):
    """There is no slot for the session that was put."""


class AlreadyReturned(errors.AlreadyReturned, PoolFull):
    """The session was given back before; it may be in somebody else's hands by now."""


class NotLent(errors.NotLent, PoolFull):
    """The pool did not lend this object: a session of another pool or process, or no session at all."""


AS_IN_ASYNCIO: dict[type[errors.PoolError], type[errors.PoolError]] = {
    kind.__bases__[0]: kind
    for kind in (PoolTimeout, TooManyWaiters, PoolDeadlock, DatabaseRefuses, PoolFull, AlreadyReturned, NotLent)
}


def as_in_asyncio(error: errors.PoolError) -> errors.PoolError:
    """Return the error as callers of asyncio's queues expect it."""
    return AS_IN_ASYNCIO.get(type(error), type(error))(*error.args)
