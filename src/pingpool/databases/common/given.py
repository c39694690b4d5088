"""Functions that are given in place of a database's methods: how they are checked, and how they are called."""

import inspect
from collections.abc import Callable
from typing import Any


def call(name: str, function: Callable[..., object], *facts: Any) -> None:
    """Call a function among threads. Raises `TypeError` if it is one that has to be awaited."""
    answer = function(*facts)
    if inspect.iscoroutine(answer):
        answer.close()  # nobody will await it
        raise TypeError(f"{name} is a coroutine function; those are for asyncio, and open_async()")


async def call_async(function: Callable[..., object], *facts: Any) -> None:
    """Call a function, or a coroutine function, and wait for it if need be."""
    answer = function(*facts)
    if inspect.isawaitable(answer):
        await answer
