"""The time: monotonic, and going on while the machine sleeps where the platform can tell.

A laptop that slept for an hour has sessions that were idle for an hour. A clock that stood still meanwhile would call
them fresh.
"""

import time
from functools import partial

now = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
"""Return the time in seconds, from whatever beginning; it never goes back."""


def jitter() -> float:
    """Return a number from 0 to 1: the last digits of the clock are chance enough, and cost no import."""
    return time.perf_counter_ns() % 1009 / 1009
