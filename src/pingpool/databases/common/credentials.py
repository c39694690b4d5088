"""Passwords: given as they are, or by a function that is asked for each session, since passwords change."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

Password: TypeAlias = str | bytes | Callable[[], str | bytes | None] | None
"""A password, or a function that returns one."""

AsyncPassword: TypeAlias = Password | Callable[[], Awaitable[str | bytes | None]]
"""The same where one may wait: the function may be a coroutine function, too."""

P = TypeVar("P")
"""The kind of password that a world takes."""


def asked(password: Password) -> str | None:
    """Return the password as it is now; None if there is none.

    Raises:
        TypeError: a function returned something else; what, is not said.
    """
    return _text(password() if callable(password) else password)


async def asked_async(password: AsyncPassword) -> str | None:
    """Return the password as it is now, and wait for it if need be. Raises what `asked` does."""
    answer = password() if callable(password) else password
    return _text(await answer if inspect.isawaitable(answer) else answer)


def _text(answer: object) -> str | None:
    if answer is None or isinstance(answer, str):
        return answer
    if isinstance(answer, bytes):
        return answer.decode(errors="surrogateescape")
    if inspect.iscoroutine(answer):
        answer.close()  # nobody will await it
    raise TypeError(f"a password is text or bytes, and the function for it returned a {type(answer).__name__}")
