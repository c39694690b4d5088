"""How gently a keeper has the suspects checked after a death, where nobody waits for them.

It may have been the server, and many pools may have met it: so one check goes first, then two, four and so on, as they
are answered; and however many suspects there are, it takes seconds to ask them all.
"""

import math
from collections.abc import Callable

from pingpool.core.backoff import URGENT

WHOLE = 4.0
"""Seconds that it takes at least to have all sessions of a pool checked."""

BURST = 0.1
"""Checks that are due within so many seconds may begin together."""


class Proving:
    """The pace of the checks."""

    __slots__ = ("_began_at", "_begun", "_gap", "_jitter", "_most", "_ready_at", "_suspected_at")

    def __init__(self, size: int, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._gap = WHOLE / size
        self._most = max(1, int(BURST / self._gap))
        self._suspected_at = self._began_at = self._ready_at = -math.inf
        self._begun = 0

    def heed(self, suspected_at: float) -> None:
        """If there is a new suspicion, begin anew: with one check, and not in step with other pools."""
        if suspected_at > self._suspected_at:
            self._suspected_at = suspected_at
            self._begun = 0
            self._ready_at = max(self._ready_at, suspected_at + self._gap * self._jitter())

    def next_at(self, under_way: int) -> float:
        """Return when the next checks may begin, beside so many that run already; one more, if those seem to hang."""
        is_free = under_way < self._width(under_way)
        return self._ready_at if is_free else max(self._ready_at, self._began_at + URGENT)

    def begin(self, suspects: int, under_way: int, now: float) -> int:
        """Return how many of the suspects are to be checked now."""
        if not suspects or now < self.next_at(under_way):
            return 0
        count = min(suspects, self._most, max(1, self._width(under_way) - under_way))
        self._began_at = now
        self._ready_at = now + count * self._gap
        self._begun += count
        return count

    def _width(self, under_way: int) -> int:
        """Return how many may run side by side, if so many do: one more than have been answered."""
        return 1 + self._begun - under_way
