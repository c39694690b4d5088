"""What becomes of pools when the process forks, and when it ends.

Fork: a session belongs to the process that opened it. The child keeps what it inherited out of everybody's reach for as
long as it lives, since even a polite goodbye on an inherited connection would end the parent's; its pools start empty.

Exit: pools that were left open are closed together, within a second.
"""

import atexit
import os
import time
import weakref
from typing import Any, Protocol

FAREWELL = 1.0
"""Seconds that closing all pools may take at exit."""


class Pool(Protocol):
    """A pool, as the process sees it."""

    def close(self, timeout: float) -> None:
        """End it."""
        ...

    def start_anew(self) -> list[Any]:
        """Forget all sessions without touching them, and return them."""
        ...


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_inherited: list[Any] = []


def enrol(pool: Pool) -> None:
    """See to this pool at fork and exit, for as long as it lives."""
    _pools.add(pool)


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        _inherited.append(pool.start_anew())


def _at_exit() -> None:
    end = time.monotonic() + FAREWELL
    for pool in list(_pools):
        pool.close(max(0.0, end - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
