"""What becomes of pools when the process forks.

A session belongs to the process that opened it. The child keeps what it inherited out of everybody's reach for as long
as it lives, since even a polite goodbye on an inherited connection would end the parent's; its pools start empty.
"""

import os
import weakref
from typing import Any, Protocol


class Forkable(Protocol):
    """A pool, as a fork sees it."""

    def start_anew(self) -> list[Any]:
        """Forget all sessions without touching them, and return them."""
        ...


_pools: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[Any] = []


def enrol(pool: Forkable) -> None:
    """See to this pool in every child, for as long as it lives."""
    _pools.add(pool)


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        _inherited.append(pool.start_anew())
    if _inherited:
        _make_immortal(_inherited)


def _make_immortal(thing: object) -> None:
    """Never let go of it, not even when the interpreter ends and takes its modules apart."""
    try:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    except (ImportError, AttributeError):  # no ctypes here: then it lives until the very end, but not beyond
        return


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
