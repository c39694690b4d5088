"""Which sessions may be lent without a check: the fresh ones.

A session is fresh while its whole interval has not passed since its proof of life, nobody has died since, and it is not
too old.
"""

import math
from collections.abc import Callable

from pingpool.core.slot import Slot

AHEAD = 0.1
"""A kept-alive pool proves and renews its sessions this fraction of their time before they would be missed."""


class Freshness:
    """How long a proof of life counts. The fast ways read these figures in place.

    `lifetime` is that of all sessions; `shortest` that of the session with the shortest one so far, which may be one of
    its own; `has_lifetimes` says whether there is any.
    """

    __slots__ = ("_jitter", "closed", "has_lifetimes", "interval", "lifetime", "shortest", "suspected_at")

    def __init__(self, interval: float, lifetime: float, jitter: Callable[[], float]) -> None:
        self.interval = interval
        self.lifetime = self.shortest = lifetime
        self.has_lifetimes = lifetime < math.inf
        self.suspected_at = -math.inf
        self.closed = False
        self._jitter = jitter

    def is_fresh(self, slot: Slot, now: float) -> bool:
        """May the session be lent without a check? (`check_out` asks the same, in place.)"""
        proven_at = slot.proven_at
        return now - proven_at < self.interval and proven_at > self.suspected_at and now < slot.retires_at

    def is_suspect(self, slot: Slot) -> bool:
        """Has a session died since this one was proven?"""
        return slot.proven_at <= self.suspected_at

    def suspect_all(self, now: float) -> None:
        """A session died in use: whatever was proven before is suspect."""
        self.suspected_at = max(self.suspected_at, now)

    def shut(self) -> None:
        """Nothing is fresh from now on; what comes back takes the slow way."""
        self.closed = True
        self.suspect_all(math.inf)

    def date(self, slot: Slot, now: float, expires_in: float) -> None:
        """A session begins its life: proven now, and to retire when its time is up, not all in the same moment.

        It may have an end of its own, in so many seconds.
        """
        slot.proven_at = slot.created_at = now
        retires_in = min(self.lifetime * (1 - AHEAD / 2 * self._jitter()), expires_in)
        if retires_in == math.inf:
            slot.retire_at(math.inf, 0.0)
            return
        lifetime = min(self.lifetime, expires_in)
        self.has_lifetimes = True
        self.shortest = min(self.shortest, lifetime)
        slot.retire_at(now + retires_in, AHEAD / 2 * lifetime)
