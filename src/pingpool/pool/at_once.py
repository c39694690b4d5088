"""A shared coroutine, run by whoever cannot await it: a thread, or what must not suspend in a loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from pingpool.pool.caller import wraps

wraps(__file__)

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end by one send: what it waits for blocks, so it must have ended without suspending."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError(f"{coroutine!r} suspended where nobody can wait for it")
