"""How threads read the time and wait for it to pass; tests bring a clock that is told (`pingpool.testing.Clock`)."""

import math
import threading
from typing import Final, Protocol

from pingpool import clock

LONGEST = threading.TIMEOUT_MAX


class Gate(Protocol):
    """A raw lock that is held until somebody opens it."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Pass, or give up after the timeout."""
        ...

    def release(self) -> None:
        """Open the gate for one."""
        ...


class Clock(Protocol):
    """Where a pool reads the time and waits for it to pass."""

    def now(self) -> float:
        """Return the time in seconds, from whatever beginning; it never goes back."""
        ...

    def wait(self, gate: Gate, until: float) -> bool:
        """Wait at the gate, no longer than until that time; return whether it opened.

        A time, not a number of seconds: what passes before the wait begins is not waited for again.
        """
        ...


class SystemClock:
    """The real time."""

    now = staticmethod(clock.now)

    @staticmethod
    def wait(gate: Gate, until: float) -> bool:
        """Wait in real time."""
        return gate.acquire(timeout=-1 if until == math.inf else min(max(until - clock.now(), 0.0), LONGEST))


SYSTEM: Final = SystemClock()
"""The clock of all pools that are given no other."""
