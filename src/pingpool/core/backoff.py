"""When the next attempt may start, and how many may run at once.

After a failure there is first a pause, then one prober alone. Each success doubles how many may try side by side: at
once where somebody waits, and after a pause where nobody does. So a server that comes back is not trampled, also when
a hundred pools have waited for it. After a death the same goes on without pauses: it may have been the server.
Nobody calls a clock here: `now` comes in, and so does chance.
"""

import math
from collections.abc import Callable

FIRST_PAUSE = 0.25
"""Seconds after the first failure; each further one doubles it."""

URGENT = 0.25
"""The longest pause, in seconds, while somebody waits: at most four attempts a second, well within a quarter of one."""

KNOCK = 0.15
"""The same if there is no server that an attempt could trouble, and up to a third less: a refused connection costs
nobody anything, and a server that is back is found in well under a quarter of a second."""

PATIENT = 30.0
"""The longest pause, in seconds, while nobody waits."""

RECOVERED = 16
"""Once so many attempts may run side by side, the database counts as well again."""


class Backoff:
    """The pauses between failing attempts at one thing."""

    __slots__ = ("_jitter", "counted_at", "failures", "pause", "paused_at", "urgent", "width")

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Start well. `jitter` gives a number from 0 to 1 and is asked once per pause."""
        self._jitter = jitter
        self.reset()

    def reset(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self.paused_at = self.counted_at = -math.inf
        self.pause = 0.0
        self.urgent = URGENT
        self.width: float = math.inf

    def failed(self, now: float) -> None:
        """Note an attempt that failed at `now`; failures of one burst count once."""
        if now - self.counted_at >= FIRST_PAUSE:
            self.pause = min(PATIENT, FIRST_PAUSE * 2.0 ** min(self.failures, 10)) * (1 + self._jitter() / 2)
            self.failures += 1
            self.counted_at = now
        self.paused_at = now
        self.urgent = URGENT
        self.width = 1

    def take_care(self) -> None:
        """A session has died: the server may be in trouble, or about to be, so one prober goes first."""
        self.width = min(self.width, 1)

    def hasten(self) -> None:
        """The attempt that just failed troubled nobody: the next may come sooner, if somebody waits for it."""
        self.urgent = KNOCK * (1 - self._jitter() / 3)

    def succeeded(self, now: float) -> None:
        """Note an attempt that succeeded: if there was trouble before it, twice as many may run from now on."""
        if self.width == math.inf:
            return
        if self.pause:
            self.failures = 0
            self.counted_at = -math.inf
            self.paused_at = now
            self.pause = FIRST_PAUSE * (1 + self._jitter() / 2)
            self.urgent = 0.0
        self.width *= 2
        if self.width == RECOVERED:
            self.reset()

    def ready_at(self, longest: float) -> float:
        """Return when the next attempt may start, if no pause is to be longer than `longest` seconds."""
        return self.paused_at + min(longest, self.pause)

    def allows(self, now: float, longest: float) -> float:
        """Return how many attempts may run side by side at `now`."""
        return self.width if now >= self.ready_at(longest) else 0
