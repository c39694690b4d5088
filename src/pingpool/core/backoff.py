"""When the next attempt may start, beside those that run already.

After a failure there is first a pause, then one prober alone. Each success doubles how many may try side by side: at
once where somebody waits, and after a pause where nobody does. So a server that comes back is not trampled, also when
a hundred pools have waited for it. After a death the same goes on without pauses: it may have been the server. And a
prober that hangs does not keep those waiting who wait: after a while another one goes.

Nobody calls a clock here: `now` comes in, and so does chance.
"""

import math
from collections.abc import Callable

FIRST_PAUSE = 0.25
"""Seconds after the first failure, and up to a half more; each further one doubles it."""

URGENT = 0.25
"""The longest pause, in seconds and up to a fifth more, while somebody waits: at most four attempts a second."""

KNOCK = 0.15
"""The same if there is no server that an attempt could trouble, and up to a third less: a refused connection costs
nobody anything, and a server that is back is found in well under a quarter of a second."""

PATIENT = 5.0
"""The longest pause, in seconds, while nobody waits: a server that is back need not be asked for."""

RECOVERED = 16
"""Once so many attempts may run side by side, the database counts as well again."""


class Backoff:
    """The pauses between failing attempts at one thing."""

    __slots__ = (
        "_knocks",
        "_urgent",
        "began_at",
        "counted_at",
        "distrusts_since",
        "failures",
        "jitter",
        "pause",
        "paused_at",
        "width",
    )

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Start well. `jitter` gives a number from 0 to 1."""
        self.jitter = jitter
        self.began_at = -math.inf
        self.reset()

    def reset(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self.paused_at = self.counted_at = -math.inf
        self.pause = self._urgent = 0.0
        self._knocks = False
        self.width: float = math.inf
        self.distrusts_since = math.inf

    def began(self, now: float) -> None:
        """Note that an attempt was begun."""
        self.began_at = now

    def failed(self, now: float) -> None:
        """Note an attempt that failed at `now`; failures of one burst count once."""
        if now - self.counted_at >= FIRST_PAUSE:
            self.pause = min(PATIENT / 1.5, FIRST_PAUSE * 2.0 ** min(self.failures, 10)) * (1 + self.jitter() / 2)
            self.failures += 1
            self.counted_at = now
        self.paused_at = now
        if self._knocks:  # somebody has just come to the door, and may not be ready yet: knock once more
            self.hasten()
        else:
            self._urgent = URGENT * (1 + self.jitter() / 5)
        self._knocks = False
        self.width = 1

    def hasten(self) -> None:
        """The attempt that just failed troubled nobody: the next may come sooner, if somebody waits for it."""
        self._knocks = True
        self._urgent = KNOCK * (1 - self.jitter() / 3)

    def take_care(self) -> None:
        """A session has died: the server may be in trouble, or about to be, so one prober goes first."""
        self.width = min(self.width, 1)

    def belied(self, succeeded_at: float, now: float) -> None:
        """What succeeded at that time was worth nothing. From now on that is a failure, until a success is proven."""
        if succeeded_at > self.distrusts_since:
            self.failed(max(succeeded_at, self.paused_at))
        else:
            self.take_care()
            self.distrusts_since = min(self.distrusts_since, now)

    @property
    def distrusts(self) -> bool:
        """Does a success count only once it is proven?"""
        return self.distrusts_since < math.inf

    def proved(self) -> None:
        """What succeeded was worth something: the next success counts again, and no long pause is in its way."""
        self.distrusts_since = math.inf
        self.counted_at = -math.inf
        self.failures = 0
        self.pause = min(self.pause, FIRST_PAUSE * (1 + self.jitter() / 2))

    def succeeded(self, now: float) -> None:
        """Note an attempt that succeeded: if there was trouble before it, twice as many may run from now on."""
        if self.distrusts:
            self.paused_at = now
            return
        if self.width == math.inf:
            return
        if self.pause:
            self.failures = 0
            self.counted_at = -math.inf
            self.paused_at = now
            self.pause = FIRST_PAUSE * (1 + self.jitter() / 2)
            self._urgent = 0.0
        self.width *= 2
        if self.width == RECOVERED:
            self.reset()

    def next_at(self, under_way: int, waiting: int) -> float:
        """Return when one more attempt may start, beside so many that run already, if so many wait for it."""
        ready_at = self.paused_at + (min(self._urgent, self.pause) if waiting else self.pause)
        if under_way < self.width:
            return ready_at
        return max(ready_at, self.began_at + URGENT) if waiting else math.inf
