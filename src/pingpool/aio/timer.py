"""The one timer of a pool, set for the earliest of all the times at which something has to be looked at.

Who waits tells the timer when he is the first to whom anything will happen; if his session comes in time, nothing is
to be undone. When the timer goes off, the pool looks at everything and says when to look again.

The loop holds the timer, so the timer holds nobody: a desk may lead back to its pool, by the database or the observer.
Whoever waits for a desk, or works for it, holds it.
"""

import math
from collections.abc import Callable
from weakref import WeakMethod

from pingpool.aio.clock import Clock, Timer

FORGOTTEN = 0.1
"""Seconds after which a timer that is overdue is set once more: a loop that goes on after a Ctrl-C in the middle of its
own work has forgotten what it was about to call."""


class PoolTimer:
    """Looks around at the right time."""

    def __init__(self, clock: Clock, look: Callable[[], float]) -> None:
        """`look`, a bound method that nobody keeps alive by this, says when it wants to be called again."""
        self._clock = clock
        self._look = WeakMethod(look)
        self._timer: Timer | None = None
        self._set_for = math.inf

    def by(self, when: float) -> None:
        """Look at that time at the latest."""
        if when < self._set_for:
            later = self._timer
            self._set(when)
            if later is not None:
                later.cancel()
        elif self._set_for < (now := self._clock.now()):
            self._set(now + FORGOTTEN)  # beside the other, which may only be late

    def _set(self, when: float) -> None:
        self._timer = self._clock.call_at(when, self._ring)
        self._set_for = when  # last: a Ctrl-C in between leaves a ring too many, not one that never comes

    def _ring(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._set_for = math.inf
        look = self._look()
        if look is None:
            return
        again = self._clock.now() + FORGOTTEN
        try:
            again = look()
        finally:
            self.by(again)
