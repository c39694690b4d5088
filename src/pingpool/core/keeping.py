"""What the keeper has to do, and when: which idle sessions are due for a ping, and which one is to be renewed.

In a pool that is kept alive, pings go ahead of time and are spread (see `pacing`). Where the interval is learned, one
session is the canary: the oldest idle one, left alone for longer than the others, to learn whether a longer interval
would do. Nobody is lent the canary meanwhile: it is overdue, so whoever asks gets a fresh one, and it is checked.
"""

import math
from itertools import islice

from pingpool.core.backoff import Backoff
from pingpool.core.freshness import AHEAD, Freshness
from pingpool.core.learner import Learner
from pingpool.core.limit import FIRST
from pingpool.core.pacing import Pacing
from pingpool.core.places import Places
from pingpool.core.proving import Proving
from pingpool.core.slot import CHECKING, CLOSING, CREATING, Slot

TOGETHER = 0.05
"""Pings that are due within so many seconds begin together: each look wakes a thread."""


class Keeping:
    """Finds what is due. `kept` says whether a keeper is there to do it ahead of time."""

    __slots__ = ("_doubt", "_freshness", "_idle", "_learner", "_pacing", "_places", "_proving", "kept")

    def __init__(
        self,
        places: Places,
        freshness: Freshness,
        learner: Learner,
        doubt: Backoff,
        proving: Proving,
        pacing: Pacing,
    ) -> None:
        self._places = places
        self._idle = places.idle.slots
        self._freshness = freshness
        self._learner = learner
        self._doubt = doubt
        self._proving = proving
        self._pacing = pacing
        self.kept = False

    def due(self, now: float) -> list[Slot]:
        """Return the idle slots whose sessions are due for a check, oldest first."""
        idle = self._places.idle
        suspects = idle.count_proven_by(self._freshness.suspected_at)
        first = suspects or int(self._has_canary() and now < self._trial_at())
        count = self._pacing.begin(idle.proofs(first), now, *self._pace())
        to_check = self._suspects_to_check(suspects, now)
        return [*islice(self._idle, to_check), *islice(self._idle, first, first + count)]

    def _suspects_to_check(self, suspects: int, now: float) -> int:
        """Return how many of so many suspects are to be checked now: whoever pings by hand wants all."""
        if not self.kept:
            return suspects
        self._proving.heed(self._freshness.suspected_at)
        return self._proving.begin(suspects, self._places.jobs.count(CHECKING), now)

    def next_due(self) -> float:
        """Return when something will be due; infinity if the pool is empty."""
        if self._idle and self._freshness.is_suspect(self._idle[0]):
            return self._suspects_due()
        has_canary = self._has_canary()
        trial_at = self._trial_at() if has_canary else math.inf
        others = self._places.idle.proofs(int(has_canary))
        return min(self._renewal_at(), trial_at, self._pacing.next_due(others, *self._pace()))

    def _suspects_due(self) -> float:
        """Return when the next suspect may be checked; if it was proven in the moment of the death: in the next."""
        ready_at = max(self._doubt.next_at(0, waiting=0), math.nextafter(self._freshness.suspected_at, math.inf))
        if not self.kept:
            return ready_at
        self._proving.heed(self._freshness.suspected_at)
        return max(ready_at, self._proving.next_at(self._places.jobs.count(CHECKING)))

    def next_look_at(self, now: float) -> float:
        """Return when to look again at what is due: when something will be, or might be by then after all."""
        look_at = now + AHEAD * min(self._freshness.interval, self._freshness.shortest)
        return min(min(self.next_due(), self._filled_due(now)) + self._patience(), look_at)

    def _filled_due(self, now: float) -> float:
        """Return when something may be due for the sake of slots that are filled from now on, if any are."""
        is_filled = self._places.vacant.slots or self._places.jobs.count(CREATING)
        return self._pacing.soonest(now, *self._pace()) if is_filled else math.inf

    def _patience(self) -> float:
        """Return how much later than need be the keeper may look, so that a large pool's pings begin a few together."""
        _, gap = self._pace()
        is_suspected = bool(self._idle) and self._freshness.is_suspect(self._idle[0])
        return 0.0 if is_suspected or not 0.0 < gap < TOGETHER else min(TOGETHER, AHEAD / 2 * self._freshness.interval)

    def to_renew(self, now: float) -> Slot | None:
        """Return the idle slot whose session is to be renewed, if it is time."""
        return self._places.dates.next_idle(self._idle) if now >= self._renewal_at() else None

    def _renewal_at(self) -> float:
        """Return when the next idle session is to be renewed: one at a time, and only while no other slot is empty."""
        if not self._freshness.has_lifetimes or self._places.vacant.slots or self._places.jobs.count(CREATING, CLOSING):
            return math.inf
        oldest = self._places.dates.next_idle(self._idle)
        return math.inf if oldest is None else oldest.renews_at

    def _has_canary(self) -> bool:
        """Is the session of the oldest idle slot to be left alone for longer than the others?"""
        is_wanted = self._learner.learns and self.kept and self._trial() > self._freshness.interval
        return is_wanted and bool(self._idle) and not self._freshness.is_suspect(self._idle[0])

    def _trial_at(self) -> float:
        """Return when the canary will have been idle for long enough."""
        return self._idle[0].proven_at + self._trial()

    def _trial(self) -> float:
        """Return the idle age to try; where the session may be missed, none beyond that of the beginning."""
        may_be_missed = self._places.lent.slots or self._places.line.waiters or len(self._places.slots) == 1
        trial = self._learner.limit.trial
        return min(trial, FIRST) if may_be_missed else trial

    def _pace(self) -> tuple[float, float]:
        """Return the age at which sessions are pinged, and the gap between two pings, in seconds."""
        interval = self._freshness.interval
        if not self.kept or interval == math.inf:
            return interval, 0.0
        age = interval * (1 - AHEAD)
        return age, age / len(self._places.slots)
