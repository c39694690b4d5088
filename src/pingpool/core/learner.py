"""What a pool learns of its path: from which idle age on sessions are dropped, and how often to ping because of that.

The limit, and what follows from it, is pure arithmetic (see `limit`). Here is where the ages come from: checks that
found a session alive, or dead; uses that ended well; deaths in use.
"""

from collections import deque
from typing import Literal, NamedTuple

from pingpool.core.freshness import Freshness
from pingpool.core.limit import IdleLimit
from pingpool.core.orders import LimitFound, Order
from pingpool.core.slot import Slot

TOLD_AGAIN_BELOW = 0.8
"""An idle limit is told again if it turns out to be lower than this part of what was told before."""

SETTLING = 0.25
"""Deaths that are closer together than this part of an interval count as one: a server may take its time to end all
sessions, and those that are well have to be seen in between.
"""


class Sight(NamedTuple):
    """An idle session that was looked at: its slot, proof and age in seconds, and how many were replaced by then."""

    slot: Slot
    proven_at: float
    idle_for: float
    replaced: int


class Learner:
    """Adapts the interval to the idle limit of the path, unless the user has set one."""

    __slots__ = ("_freshness", "_orders", "_seen", "learns", "limit")

    def __init__(self, interval: float | Literal["auto"], freshness: Freshness, orders: list[Order]) -> None:
        self.limit = IdleLimit()
        self.learns = interval == "auto"
        self._freshness = freshness
        self._orders = orders
        self._seen: Sight | None = None
        self._adapt()

    def inherit(self, elder: "Learner") -> None:
        """Know what another one has learned of the same path."""
        self.limit = elder.limit
        self._adapt()

    def lived(self, idle_for: float) -> None:
        """A check found a session alive after so many idle seconds."""
        if idle_for:
            self.limit.passed(idle_for)
            self._adapt()

    def died_idle(self, slot: Slot, idle_for: float, now: float) -> None:
        """A session was dead after so many idle seconds; of one that was suspect, another's death is cause enough."""
        if idle_for and not self._freshness.is_suspect(slot):
            self.limit.died_idle(idle_for, slot.proven_at, now + SETTLING * self._freshness.interval)
            self._adapt()
            self._tell()

    def died_in_use(self, slot: Slot, now: float) -> None:
        """A session died in use."""
        if not self._freshness.is_suspect(slot):
            self.limit.died_in_use(now - slot.proven_at)
            self._adapt()

    def look_at_oldest(self, idle: deque[Slot], replaced: int, now: float) -> None:
        """Note how old the oldest idle session is; the one noted last time has lived if it was proven since.

        So a pool that is too busy to need pings learns all the same, and its checkouts pay nothing for it.
        """
        seen = self._seen
        if seen is not None and seen.slot.proven_at > seen.proven_at and seen.replaced == replaced:
            self.limit.lived(seen.idle_for)
            self._adapt()
        self._seen = None
        if idle and not self._freshness.is_suspect(idle[0]):
            self._seen = Sight(idle[0], idle[0].proven_at, now - idle[0].proven_at, replaced)

    def _adapt(self) -> None:
        """Follow what is known of the limit."""
        if self.learns:
            self._freshness.interval = self.limit.interval

    def _tell(self) -> None:
        """Say what the limit is, once, if the interval has to be shorter or was set too long."""
        drops_from, interval = self.limit.drops_from, self._freshness.interval
        if drops_from < self.limit.told * TOLD_AGAIN_BELOW and (self.learns or drops_from <= interval):
            self.limit.told = drops_from
            self._orders.append(LimitFound(drops_from, interval))
