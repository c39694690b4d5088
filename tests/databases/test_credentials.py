"""Passwords that are given, or asked for."""

import asyncio
from typing import Any

import pytest

from pingpool.databases.common.credentials import asked, asked_async


async def secret() -> str:
    """Return a password after a while."""
    await asyncio.sleep(0)
    return "right"


@pytest.mark.parametrize("password", ["right", b"right", lambda: "right", lambda: b"right"])
def test_a_password_is_text_or_bytes_or_what_a_function_returns(password: Any) -> None:
    """Both worlds take the same."""
    assert asked(password) == asyncio.run(asked_async(password)) == "right"


@pytest.mark.parametrize("password", [None, lambda: None])
def test_there_may_be_none(password: Any) -> None:
    """Without a password none is sent."""
    assert asked(password) is None
    assert asyncio.run(asked_async(password)) is None


def test_in_asyncio_the_function_may_take_its_time() -> None:
    """A coroutine function is awaited; where nobody can, it is refused by name."""
    assert asyncio.run(asked_async(secret)) == "right"
    with pytest.raises(TypeError, match="returned a coroutine"):
        asked(secret)  # type: ignore[arg-type]


def test_anything_else_is_refused_and_not_quoted() -> None:
    """A secret of the wrong kind is a secret all the same."""
    with pytest.raises(TypeError, match="returned a int") as caught:
        asked(lambda: 815)  # type: ignore[arg-type, return-value]
    assert "815" not in str(caught.value)
