"""Functions that are given in place of a database's methods: how they are checked, and how they are called."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from pingpool.databases.common.timeouts import finite
from pingpool.pool.hooks import SESSION, is_coroutine_function, wrong_signature

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., object] | None)

KEYWORDS = ("labels", "timeout")
"""What a function is passed by name, if it has a parameter of that name."""


def checked(name: str, question: F, *facts: Any) -> F:
    """Return a function that is asked in passing. Raises `TypeError` if it cannot be: it is about a session."""
    if question is not None:
        if is_coroutine_function(question):
            raise TypeError(f"{name} is a coroutine function; it is asked in passing, so it has to be a plain one")
        refuse_signature(name, question, facts or (SESSION,), {})
    return question


def refuse_signature(name: str, function: Callable[..., object], facts: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Raise a `TypeError` if this is no function, or does not take what it will be called with."""
    if not callable(function):
        raise TypeError(f"{name}={function!r}: give a function")
    for complaint in wrong_signature(name, function, facts, named):
        raise TypeError(complaint)


def fitted(name: str, function: Callable[..., R], *facts: Any) -> Callable[..., R]:
    """Return a function as one that may be passed all of `KEYWORDS`; those are left out that it does not name.

    What a `functools.partial` has bound stays bound. Raises `TypeError` if it does not take the rest, either.
    """
    taken = parameters_of(function)
    refuse_signature(name, function, facts, dict.fromkeys(taken))

    def call_with_what_it_takes(*facts: Any, labels: Any = None, timeout: float) -> R:
        offered = {"labels": labels, "timeout": finite(timeout)}
        return function(*facts, **{name: offered[name] for name in taken})

    return call_with_what_it_takes


def parameters_of(function: Callable[..., object]) -> list[str]:
    """Return which of `KEYWORDS` a function takes by name; none of a builtin that does not tell."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return []
    bound = getattr(function, "keywords", {})
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name in KEYWORDS if name in parameters and parameters[name].kind in by_name and name not in bound]


def call(name: str, function: Callable[..., object], *facts: Any, **named: Any) -> object:
    """Call a function among threads. Raises `TypeError` if it is one that has to be awaited."""
    answer = function(*facts, **named)
    if inspect.iscoroutine(answer):
        answer.close()  # nobody will await it
        raise TypeError(f"{name} is a coroutine function; those are for asyncio, and open_async()")
    return answer


async def call_async(name: str, function: Callable[..., object], *facts: Any, **named: Any) -> object:
    """Call a function, or a coroutine function, and wait for it if need be."""
    answer = function(*facts, **named)
    return await answer if inspect.isawaitable(answer) else answer
