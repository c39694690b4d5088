"""A lock for a `with`, which no exception leaves held.

It is re-entrant: a signal handler may strike the thread that holds it, and want it too.

Up to Python 3.13 a `with` takes a lock and begins its block in one step. From 3.14 on that is a call like any other,
and after a call Python looks for signals: what is raised then finds a lock that is held, and no block to let it go.
But a `for` asks its iterator in one step, and Python looks for no signal after that, nor where a function ends.
"""

import threading
from functools import cache
from typing import Any


def new_lock() -> threading.RLock:
    """Return a lock that is free, of the kind that threads have now: gevent exchanges it."""
    native: Any = type(threading.RLock())
    lock: threading.RLock = _kind_on(native)()
    return lock


@cache
def _kind_on(native: Any) -> Any:
    return type("Lock", (native,), {"__enter__": _enter})


def _enter(lock: threading.RLock) -> bool:
    for is_taken in map(lock.acquire, (True,)):
        return is_taken
    raise AssertionError("it has been asked once")
