"""The one timer of a pool, set for the earliest of all the times at which something has to be looked at.

Who waits tells the timer when he is the first to whom anything will happen; if his session comes in time, nothing is
to be undone. When the timer goes off, the pool looks at everything and says when to look again.
"""

import math
from collections.abc import Callable

from pingpool.aio.clock import Clock, Timer


class PoolTimer:
    """Looks around at the right time."""

    def __init__(self, clock: Clock, look: Callable[[], float]) -> None:
        """`look` says when it wants to be called again."""
        self._clock = clock
        self._look = look
        self._timer: Timer | None = None
        self._set_for = math.inf

    def by(self, when: float) -> None:
        """Look at that time at the latest."""
        if when < self._set_for:
            if self._timer is not None:
                self._timer.cancel()
            self._set_for = when
            self._timer = self._clock.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._set_for = math.inf
        self.by(self._look())
