"""Coroutines that are not awaited: each runs to its end by one send."""

import asyncio

import pytest

from pingpool.pool.at_once import at_once


async def answer(value: int) -> int:
    """End at once."""
    return value


async def fail() -> None:
    """End at once, with an error."""
    raise ValueError("no")


async def suspend() -> None:
    """Do what no coroutine may do that nobody awaits."""
    await asyncio.sleep(0)


def test_a_coroutine_that_ends_at_once_gives_its_result() -> None:
    """What it returns is returned, what it raises is raised."""
    assert at_once(answer(5)) == 5
    with pytest.raises(ValueError, match="no"):
        at_once(fail())


def test_a_coroutine_that_suspends_is_a_fault_of_ours() -> None:
    """It is named, and closed."""
    coroutine = suspend()
    with pytest.raises(AssertionError, match="suspend"):
        at_once(coroutine)
    assert coroutine.cr_frame is None
