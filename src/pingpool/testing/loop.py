"""An event loop on virtual time: hours pass in no time, and everything happens in the same order each time.

    def test_a_timeout() -> None:
        async def main() -> None:
            pool = AsyncPingingPool(size=1, default_timeout=3600)
            ...
        run(main())

A round of the loop takes a nanosecond. When nothing is left to do, time jumps to the next timer. Without a timer the
loop raises `Stuck` instead of hanging.
"""

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from pingpool.testing.clock import Stuck

T = TypeVar("T")

STEP = 1e-9
"""Seconds that a round takes; loops count timers that are this near as due."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time begins at `now` seconds and jumps when there is nothing to do.

    When all tasks wait it also waits for sockets and threads, for at most `patience` real seconds.
    """

    def __init__(self, now: float = 1000.0, *, patience: float = 0.0) -> None:
        self.now = now
        self._leaper = _Leaper(self, patience)
        super().__init__(self._leaper)

    def time(self) -> float:
        return self.now

    def leap(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now = max(self.now + max(seconds, STEP), math.nextafter(self.now, math.inf))


def run(main: Coroutine[Any, Any, T], *, patience: float = 0.0) -> T:
    """Run a coroutine on virtual time, like `asyncio.run`.

    Raises:
        Stuck: every task waits, and nothing will ever happen.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(patience=patience)) as runner:
        return runner.run(main)


class _Leaper(selectors.DefaultSelector):
    """Where a loop waits for time and sockets: here time passes at once."""

    def __init__(self, loop: VirtualLoop, patience: float) -> None:
        super().__init__()
        self._loop = loop
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the sockets that are ready; if there are none, let the time pass."""
        if timeout is not None and timeout <= 0:
            self._loop.leap(0)
            return []
        ready = super().select(self._patience if timeout is None else 0)
        if not ready:
            if timeout is None:
                raise Stuck("every task waits, and nothing will ever happen")
            self._loop.leap(timeout)
        return ready
