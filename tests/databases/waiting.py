"""What the tests of the databases share: waiting for what happens in its own time, and catching what a call raises."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from pingpool import Database

SOON = 60.0
"""Seconds within which what must happen has happened, on the slowest and busiest machine; only a test that fails
takes so long."""


def until(happens: Callable[[], object]) -> None:
    """Wait for what the server or the pool does in its own time."""
    end = time.monotonic() + SOON
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)  # nothing tells when a server has done it


async def until_in_asyncio(happens: Callable[[], object]) -> None:
    """The same for asyncio."""
    async with asyncio.timeout(SOON):
        while not happens():
            await asyncio.sleep(0.002)  # nothing tells when a server has done it


def error_of(call: Callable[..., object], *arguments: Any, **options: Any) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 (the caller looks at it)
        call(*arguments, **options)
    return raised.value


def create_error(database: Database[Any], timeout: float = SOON) -> BaseException:
    """Return the error of opening a session."""
    return error_of(database.create, labels={}, timeout=timeout)
