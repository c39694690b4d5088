"""What becomes of pools when the process ends: those that were left open are closed together, within a second."""

import atexit
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
