"""How many of the idle sessions are due for a ping, and when the next one will be.

The idle queue is sorted by proof of life, oldest first. A session must be proven again before it is `age` seconds old.
If many reach that age together, pinging each at the last moment would be a burst; so the pings are laid out backwards
from the deadlines, `gap` seconds apart: the session in place `i` of the queue has `i` others to let pass first, and
the first in the queue starts as early as the tightest of all those deadlines demands.

So after a fill the first round spreads itself over the interval, after an outage the next one does, and sessions that
traffic keeps fresh ask for nothing. With a gap of 0 each is due at its own age exactly.

Many pools that were filled in the same moment, by one deployment or after one outage, are not to ping in step: each
starts early by a share of the gap that is its own. The pings that follow are a gap apart, and so stay out of step.

A large queue is not read from end to end at each ping: the proofs are sorted, so the first and the last place of a part
say how early anything in it can demand the start. Parts that demand nothing yet are left alone, others are halved until
they are small beside their distance from both ends. What is unknown counts as the earlier: pings may begin a twentieth
of the age too soon, never too late. Therefore the time of the last ping is remembered: they stay a gap apart.
"""

import math
from bisect import bisect_right
from typing import Protocol

from pingpool.core.proving import BURST

EARLY = 0.9
"""At most this share of a gap a pool starts early. Sessions that are used within what is left of it ask for no ping."""

COARSE = 0.1
"""A part of the queue is small if it has at most this fraction of the places on either side of it."""


class Proofs(Protocol):
    """When each session of a queue was proven, oldest first."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, place: int, /) -> float:
        """Return the one in this place."""
        ...


class Pacing:
    """Lays the pings of one pool out in time. `chance`, from 0 to 1, makes it different from other pools."""

    __slots__ = ("_began_at", "_share")

    def __init__(self, chance: float) -> None:
        self._share = EARLY * chance
        self._began_at = -math.inf

    def begin(self, proofs: Proofs, now: float, age: float, gap: float) -> int:
        """Return how many, from the front of the queue, are to be pinged now."""
        if not proofs:
            return 0
        count = bisect_right(proofs, now, key=lambda proven_at: proven_at + age) if proofs[0] + age <= now else 0
        starts_at = max(self._starts_at(proofs, age, gap), now - BURST)  # who is late makes up for that bit by bit
        if gap and starts_at <= now:
            count = max(count, min(len(proofs), 1 + int((now - starts_at) / gap)))
        if count:
            self._began_at = min(now, starts_at + (count - 1) * gap)
        return count

    def next_due(self, proofs: Proofs, age: float, gap: float) -> float:
        """Return when the front of the queue has to be pinged; infinity for an empty queue."""
        return min(proofs[0] + age, self._starts_at(proofs, age, gap)) if proofs else math.inf

    def soonest(self, now: float, age: float, gap: float) -> float:
        """Return from when on a ping may be due for the sake of sessions that will be proven after `now`."""
        return now + (1 - self._share) * gap if gap else now + age

    def _starts_at(self, proofs: Proofs, age: float, gap: float) -> float:
        """Return when the queue is to move, so that every session is pinged in time and none beside another."""
        after_last, early = self._began_at + gap, self._share * gap
        return max(after_last, tightest(proofs, age, gap, after_last + early) - early) if gap else math.inf


def tightest(proofs: Proofs, age: float, gap: float, soon: float) -> float:
    """Return by when the queue has to start to move, or a little earlier; anything up to `soon` is as good as that."""
    total, best = len(proofs), math.inf
    parts = [(proofs[0], 0, total)]
    while parts and best > soon:
        proven_at, first, end = parts.pop()
        starts_at = start_of(proven_at, end - 1, age, gap)
        if starts_at >= best:
            continue
        if end - 1 - first <= COARSE * min(first, total - end):
            best = starts_at
            continue
        middle = (first + end) // 2
        front, back = (proven_at, first, middle), (proofs[middle], middle, end)
        back_is_tighter = back[0] - proven_at < (end - middle) * gap
        parts += (front, back) if back_is_tighter else (back, front)
    return best


def start_of(proven_at: float, place: int, age: float, gap: float) -> float:
    """Return when the queue must start to move for a session in this place to be pinged in time."""
    return proven_at + age - place * gap
