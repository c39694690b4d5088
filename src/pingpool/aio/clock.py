"""The time a pool lives by in an event loop, and how it is called when a time has come.

Timers are the loop's. The time is the loop's too if that makes a time of its own, as a test's virtual one does; other
loops go by a clock that stands still while the machine sleeps, so there the pool reads one that does not.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import Context
from typing import Protocol

from pingpool import clock

LONGEST = 86_400.0
"""Seconds that a timer is set for at most: loops are not made for more. Whoever wakes too early looks again."""


class Timer(Protocol):
    """Something that was to happen at a time."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


class Clock(Protocol):
    """Where a pool reads the time, and has itself called when a time has come."""

    def now(self) -> float:
        """Return the time in seconds, from whatever beginning; it never goes back."""
        ...

    def call_at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call in the loop when that time has come; a call that comes too early does no harm."""
        ...


class LoopClock:
    """The time of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Find out what time the loop lives by."""
        is_real = abs(loop.time() - time.monotonic()) < 1.0
        self.now = clock.now if is_real else loop.time
        self._call_later = loop.call_later

    def call_at(self, when: float, call: Callable[[], object]) -> Timer:
        """Set a timer of the loop, which keeps no context: that of whoever caused it is none of its business."""
        return self._call_later(min(max(when - self.now(), 0.0), LONGEST), call, context=Context())
