"""Sessions that a quick check saw alive when nobody waited for them any more: kept at hand for whoever comes next.

A quick check need not prolong a session's life, so a ping has to follow. But whoever comes in the next moment need not
wait for that: his use prolongs it as well. So the ping is on the books at once, and the slot reserved for it, but the
order goes out a moment later, if nobody came.
"""

import math

from pingpool.core.freshness import Freshness
from pingpool.core.orders import Job
from pingpool.core.places import Places
from pingpool.core.slot import CHECKING, Slot

MOMENT = 1.0
"""For so many seconds a session is kept at hand, unless its proof counts for a shorter time."""


class AtHand:
    """The pings of the sessions at hand, each with the time when its session was seen alive.

    A look that began before somebody died has seen nothing.
    """

    __slots__ = ("_freshness", "_places", "pings")

    def __init__(self, places: Places, freshness: Freshness) -> None:
        self._places = places
        self._freshness = freshness
        self.pings: dict[Job, float] = {}

    def keep(self, slot: Slot, look: Job, now: float) -> Job:
        """Keep the session that this check saw alive; return the ping to come."""
        ping = self._places.jobs.begin(CHECKING, slot, look.session)
        self.pings[ping] = now if look.trusted_after >= self._freshness.suspected_at else -math.inf
        return ping

    def serve(self, now: float) -> None:
        """Hand what is at hand to those who wait; order the ping of what nobody took in time, or may take any more."""
        places = self._places
        for ping, seen_at in list(self.pings.items()):
            slot = ping.slot
            if slot is None or ping.started or ping not in places.jobs.open:  # an interrupt has had it ordered
                del self.pings[ping]
            elif not self._may_be_lent(ping, slot, seen_at, now):
                places.orders.append(ping)
                del self.pings[ping]
            elif places.line.waiters:
                slot.proven_at = seen_at
                places.hand_over(slot, ping.session, now)
                places.jobs.conclude(ping)
                del self.pings[ping]

    def next_ping_at(self) -> float:
        """Return when the next ping is to be ordered, if nobody comes; infinity if nothing is at hand."""
        return min(self.pings.values(), default=math.inf) + self._moment

    @property
    def _moment(self) -> float:
        return min(MOMENT, self._freshness.interval)

    def _may_be_lent(self, ping: Job, slot: Slot, seen_at: float, now: float) -> bool:
        """Was the session seen a moment ago, and has nothing come up against it since?"""
        is_in_time = now < min(seen_at + self._moment, slot.retires_at)
        is_well = seen_at > self._freshness.suspected_at and slot not in self._places.hangups.heard
        return is_in_time and is_well and not ping.unwanted
