"""How many of the idle sessions are due for a ping, and when the next one will be.

The idle queue is sorted by proof of life, oldest first. A session must be proven again before it is `age` seconds old.
If many reach that age together, pinging each at the last moment would be a burst; so the pings are laid out backwards
from the deadlines, `gap` seconds apart: the session in place `i` of the queue has `i` others to let pass first, and
the first in the queue starts as early as the tightest of all those deadlines demands.

The rule needs no memory: after a fill the first round spreads itself over the interval, after an outage the next one
does, and sessions that traffic keeps fresh ask for nothing. With a gap of 0 each is due at its own age exactly.
"""

import math
from collections.abc import Iterable


def due(proofs: Iterable[float], now: float, age: float, gap: float) -> int:
    """Return how many, from the front of the queue, have to be pinged at `now`."""
    count = 0
    for place, proven_at in enumerate(proofs):
        late = now - start_of(proven_at, place, age, gap)
        if late >= 0:
            count = max(count, 1 + int(min(place, late / gap if gap else place)))
    return count


def next_due(proofs: Iterable[float], age: float, gap: float) -> float:
    """Return when the front of the queue has to be pinged; infinity for an empty queue."""
    return min((start_of(proven_at, place, age, gap) for place, proven_at in enumerate(proofs)), default=math.inf)


def start_of(proven_at: float, place: int, age: float, gap: float) -> float:
    """Return when the queue must start to move for the session in this place to be pinged in time."""
    return proven_at + age - place * gap
