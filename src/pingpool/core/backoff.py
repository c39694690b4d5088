"""When the next attempt may start, beside those that run already.

After a failure there is first a pause, then one prober alone. Each success doubles how many may try side by side. Who
waits need not wait for more than that. Where nobody waits, it depends on how long the server was away:

- An absence of less than ten seconds is a restart. One attempt is made about every half second, and once one succeeds
  the rest follow by doubling, each step upon the success of the one before: a hundred sessions are back in a second.
- A longer one is an outage. Attempts become rare, and once one succeeds the rest follow one by one, with a pause
  between any two: fewer than two a second for each ten slots. So a server that comes back is not trampled, also when
  hundreds of pools have waited for it, and any pool is whole in a few seconds.

A server that fails again within a minute has not been back: it is all one absence, or it would be trampled each time.

After a death all goes on as after a restart: it may have been the server. If it was heard of, others may have heard the
same, so the prober does not start in step with theirs. More than a thousand sessions never come at once: they take as
long as after an outage. And a prober that hangs does not keep those waiting who wait: after a while another one goes.

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

BRIEF = 10.0
"""Seconds, from the first failure to the last one, from which on an absence is no restart any more."""

CALM = 60.0
"""Seconds without a failure, and with a success among them, that end an absence."""

EAGER = 0.5
"""The longest pause, in seconds and up to a tenth more, while nobody waits and it may be a restart."""

PATIENT = 3.5
"""The longest pause, in seconds, in an outage: then a server that is back need not be asked for."""

STEP, TEN = 0.5, 10
"""The pause, in seconds and up to a fifth more, between two attempts of a recovery after an outage, for each ten slots
of a pool: five to six seconds for all of them, however many they are."""

EASIER = 0.25
"""A large pool begins as a small one does: each success multiplies the pause by this, down to the pool's own step."""

WANTED = 0.1
"""The same for a success that somebody waited for: there the rest soon follow, with no pause in the end."""

NO_STEP = 0.005
"""A pause that has become shorter than this, in seconds, is dropped; only a pool of more than a thousand keeps it."""

TOGETHER = 0.02
"""In such a pool the attempts of so many seconds may begin together: no clock wakes it for each."""

APART = 0.4
"""Within so many seconds those begin who have heard of a death at the same moment."""

TRIALS = 4
"""How many attempts may follow each other in one second where a success counts only once it is proven."""

UNTRIED = (-math.inf,) * TRIALS

RECOVERED = 16
"""Once so many attempts may run side by side, the database counts as well again."""


class Backoff:
    """The pauses between failing attempts at one thing."""

    __slots__ = (
        "_crowded",
        "_knocks",
        "_step",
        "_urgent",
        "absent_since",
        "began_at",
        "counted_at",
        "distrusts_since",
        "failures",
        "is_wanted",
        "jitter",
        "pause",
        "paused_at",
        "ready_at",
        "tried_at",
        "width",
    )

    def __init__(self, size: int, jitter: Callable[[], float]) -> None:
        """Start well, for a pool of so many slots. `jitter` gives a number from 0 to 1."""
        self.jitter = jitter
        self._step = STEP * (1 + jitter() / 5) * min(1.0, TEN / size)
        self._crowded = self._step if self._step < NO_STEP else 0.0
        self.began_at = -math.inf
        self.is_wanted = False
        self.reset()

    def reset(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self.paused_at = self.ready_at = self.counted_at = self.absent_since = -math.inf
        self.pause = self._urgent = 0.0
        self._knocks = False
        self.width: float = math.inf
        self.distrusts_since = math.inf
        self.tried_at = UNTRIED

    def began(self, now: float, waiting: int) -> None:
        """Note that an attempt was begun while so many waited for it."""
        self.began_at = now
        self.ready_at = max(self.ready_at, now - TOGETHER if self._crowded else now) + self.pause
        self.tried_at = (*self.tried_at[1:], now)
        self.is_wanted = waiting > 0

    def failed(self, now: float) -> None:
        """Note an attempt that failed at `now`; failures of one burst count once."""
        self.paused_at = now
        if not self.failures and not self._was_away_lately(now):
            self.absent_since = now
        if not self.failures or now - self.counted_at >= FIRST_PAUSE:
            self.pause = self._pause_after(self.failures)
            self.failures += 1
            self.counted_at = now
        self.ready_at = max(now, self.began_at) + self.pause
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

    def take_care(self, now: float) -> None:
        """A session has died: the server may be in trouble, or about to be, so one prober goes first."""
        self.width = min(self.width, 1)
        if not self.failures and now - self.ready_at > STEP:  # nothing has been held back: that recovery is over
            self.pause = 0.0
        self.pause = max(self.pause, self._crowded)

    def heard(self, now: float) -> None:
        """The same, but others may have heard it too: where nobody waits, the prober is not in step with theirs."""
        is_first = self.width > 1
        self.take_care(now)
        if is_first:
            self.ready_at = max(self.ready_at, now + APART * self.jitter())

    def proved_wrong(self, succeeded_at: float, now: float) -> None:
        """What succeeded at that time was worth nothing. From now on that is a failure, until a success is proven."""
        if succeeded_at > self.distrusts_since:
            self.failed(max(succeeded_at, self.paused_at))
        else:
            self.take_care(now)
            if not self.distrusts:
                self.distrusts_since = now
                self.tried_at = UNTRIED

    @property
    def distrusts(self) -> bool:
        """Does a success count only once it is proven?"""
        return self.distrusts_since < math.inf

    def proved(self, now: float) -> None:
        """What succeeded was worth something: the next success counts again, and no long pause is in its way."""
        self.distrusts_since = math.inf
        self._begin_recovery()
        self.ready_at = min(self.ready_at, max(now, self.paused_at + self._urgent) + self.pause)

    def succeeded(self, now: float) -> None:
        """Note an attempt that succeeded: if there was trouble before it, twice as many may run from now on."""
        if self.distrusts:
            self.paused_at = now
            self.ready_at = max(self.ready_at, now + self.pause)
            return
        self._begin_recovery()
        self._urgent = 0.0
        if self.is_wanted:
            self.pause *= WANTED
        elif self.pause > self._step:
            self.pause = max(self._step, self.pause * EASIER)
        if self.pause < NO_STEP:
            self.pause = self._crowded
        self.ready_at = min(self.ready_at, now + self.pause)
        self.paused_at = now
        self.width *= 2
        if self.width == RECOVERED:
            self.width = math.inf

    def _begin_recovery(self) -> None:
        """What failed works again: after a restart without pauses, after an outage with one before each attempt."""
        if self.failures:
            self.pause = 0.0 if self._may_be_restart() else max(STEP, self._step)
        self.failures = 0

    def _pause_after(self, failures: int) -> float:
        """Return the pause of who has met so many failures before this one, not the same for all pools."""
        pause = FIRST_PAUSE * 2.0 ** min(failures, 10)
        if self._may_be_restart():
            return min(pause * (1 + self.jitter() / 2), EAGER * (1 + self.jitter() / 10))
        return min(pause, PATIENT / 1.5) * (1 + self.jitter() / 2)

    def _was_away_lately(self, now: float) -> bool:
        """Was there a failure so short a time ago that the server has hardly been back?"""
        return now - self.counted_at < CALM

    def _may_be_restart(self) -> bool:
        """Did failures follow each other for such a short time only?"""
        return self.paused_at - self.absent_since < BRIEF

    def _trial_at(self) -> float:
        """Return when one more attempt may start that counts only once it is proven: few a second."""
        return self.tried_at[0] + TRIALS * URGENT if self.distrusts else -math.inf

    def holds_back(self, now: float) -> bool:
        """Is a pause before the next attempt in the way of others, though this one has just succeeded?"""
        return self.pause > 0 or self._trial_at() > now

    def next_at(self, under_way: int, waiting: int) -> float:
        """Return when one more attempt may start, beside so many that run already, if so many wait for it."""
        if not waiting:
            return max(self.ready_at, self._trial_at()) if under_way < self.width else math.inf
        ready_at = max(self.paused_at + self._urgent, self._trial_at())
        return ready_at if under_way < self.width else max(ready_at, self.began_at + URGENT)
