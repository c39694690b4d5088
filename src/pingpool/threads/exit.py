"""What becomes of pools when the process ends: those that were left open are closed together, within a second.

The interpreter first waits for every thread that is no daemon. One that waits for a session would hold it up for as
long as it may wait, so whoever waits asks whether the process is ending.
"""

import atexit
import threading
import time
import weakref
from typing import Protocol

FAREWELL = 1.0
"""Seconds that closing all pools may take at exit."""


class Closable(Protocol):
    """A pool, as the end of the process sees it."""

    def close(self, timeout: float) -> None:
        """End it."""
        ...


_pools: weakref.WeakSet[Closable] = weakref.WeakSet()


def close_at_exit(pool: Closable) -> None:
    """See to this pool at the end, if it still lives then."""
    _pools.add(pool)


def _at_exit() -> None:
    end = time.monotonic() + FAREWELL
    for pool in list(_pools):
        pool.close(max(0.0, end - time.monotonic()))


atexit.register(_at_exit)


def process_is_ending() -> bool:
    """Has the main thread ended, so that the interpreter waits for the others?

    While it waits for the workers of an executor only its own flag tells.
    """
    return not threading.main_thread().is_alive() or bool(getattr(threading, "_SHUTTING_DOWN", False))
