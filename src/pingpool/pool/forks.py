"""What becomes of pools when the process forks.

A session belongs to the process that opened it. The child keeps what it inherited out of everybody's reach for as long
as it lives: even a polite goodbye on an inherited connection would end the parent's. Its pools start empty.
"""

import os
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

P = TypeVar("P")

_pools: "weakref.WeakKeyDictionary[Any, Callable[[Any], list[Any]]]" = weakref.WeakKeyDictionary()
_inherited: list[Any] = []


def in_every_child(pool: P, start_anew: Callable[[P], list[Any]]) -> None:
    """Let the pool, if it still lives, start anew in every child; that returns what the child must not let go of."""
    _pools[pool] = start_anew


def _after_fork_in_child() -> None:
    for pool, start_anew in list(_pools.items()):
        _inherited.append(start_anew(pool))
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
