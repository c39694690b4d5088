"""Addresses: given as they are, or by functions that are asked for each session, since servers move."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

Text: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A URL or a conninfo, or a function that returns one; in asyncio it may be a coroutine function."""

Host: TypeAlias = str | Callable[[], Any] | None
"""A host, or a function that returns one, or a pair of host and port; in asyncio it may be a coroutine function."""

Port: TypeAlias = int | Callable[[], int | Awaitable[int]] | None
"""A port, or a function that returns one; in asyncio it may be a coroutine function."""

MAY_BE: Mapping[str, tuple[type, ...]] = {"host": (str, list), "port": (int, str, list)}
"""What the functions may return, but for text."""


class Address:
    """Where a server is, by the driver's words for it; each of them may be a function."""

    def __init__(self, **parts: Any) -> None:
        self._parts = parts
        self.functions = {name: part for name, part in parts.items() if callable(part)}

    @property
    def is_fixed(self) -> bool:
        """Is it always the same?"""
        return not self.functions

    def now(self) -> dict[str, Any]:
        """Return it as it is now.

        Raises:
            TypeError: a function returned what is no address; what, is not said.
        """
        return settled({name: answered(name, part) for name, part in self._parts.items()})

    async def now_async(self) -> dict[str, Any]:
        """Return it as it is now, and wait for it if need be. Raises what `now` does."""
        found: dict[str, Any] = {}
        for name, part in self._parts.items():
            answer = part() if callable(part) else part
            found[name] = checked(name, await answer if inspect.isawaitable(answer) else answer, part)
        return settled(found)

    def __repr__(self) -> str:
        return ", ".join(f"{name}={shown(part)}" for name, part in self._parts.items() if part is not None)


def answered(name: str, part: Any) -> Any:
    """Return a part of an address as it is now."""
    return checked(name, part() if callable(part) else part, part)


def checked(name: str, answer: Any, part: Any) -> Any:
    """Return what a function has answered, or raise `TypeError`; what was given as it is the driver checks."""
    if not callable(part) or isinstance(answer, MAY_BE.get(name, (str,))) or (name == "host" and is_pair(answer)):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()  # nobody will await it
    raise TypeError(f"the function for {name} returned a {type(answer).__name__}")


def is_pair(answer: Any) -> bool:
    """Is it a host with its port?"""
    kinds = [each.__class__ for each in answer] if answer.__class__ is tuple else []
    return kinds == [str, int]


def settled(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts, with a host that came with its port taken apart."""
    if is_pair(parts.get("host")):
        parts["host"], parts["port"] = parts["host"]
    return parts


def shown(part: Any) -> str:
    """Return a function's name, and no more: others show what it is called with, a password perhaps."""
    return str(getattr(part, "__qualname__", type(part).__name__)) if callable(part) else repr(part)
