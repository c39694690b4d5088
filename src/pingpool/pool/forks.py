"""What becomes of pools when the process forks.

A session belongs to the process that opened it. The child keeps what it inherited out of everybody's reach for as long
as it lives: even a polite goodbye on an inherited connection would end the parent's. Its pools start empty.
"""

import os
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

P = TypeVar("P")

_pools: "weakref.WeakKeyDictionary[Any, Callable[[Any], list[Any]]]" = weakref.WeakKeyDictionary()
_inherited: list[Any] = []
_keep_for_ever: Callable[[object], None] = _inherited.append


def in_every_child(pool: P, start_anew: Callable[[P], list[Any]]) -> None:
    """Let the pool, if it still lives, start anew in every child; that returns what the child must not let go of."""
    _pools[pool] = start_anew


def _before_fork() -> None:
    """Import what the child will need: in the child another thread's half-done import would hang for ever."""
    global _keep_for_ever
    if _pools:
        try:
            import ctypes

            _keep_for_ever = partial(_make_immortal, ctypes.pythonapi.Py_IncRef, ctypes.py_object)
        except (ImportError, AttributeError):  # no ctypes here: then it lives until the very end, but not beyond
            return


def _after_fork_in_child() -> None:
    for pool, start_anew in list(_pools.items()):
        _keep_for_ever(start_anew(pool))


def _make_immortal(inc_ref: Callable[[Any], object], py_object: Callable[[object], Any], thing: object) -> None:
    """Never let go of it, not even when the interpreter ends and takes its modules apart."""
    inc_ref(py_object(thing))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
