"""What a pool learns of its path: from which idle age on sessions are dropped, and how often to ping because of that.

The limit itself, and what follows from it, is pure arithmetic (see `limit`). Here is where the ages come from: checks
that found a session alive, or dead; uses that ended well; deaths in use. And here one session is chosen, the scout,
that is left alone for longer than the others, to learn whether a longer interval would do.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from pingpool.core.limit import FIRST, IdleLimit
from pingpool.core.orders import LimitFound
from pingpool.core.places import Places, S
from pingpool.core.slot import Slot

TOLD_AGAIN_BELOW = 0.8
"""An idle limit is told again if it turns out to be lower than this part of what was told before."""

SETTLING = 0.25
"""So much of an interval after a death others count as separate ones: a server may take its time to end all sessions,
and those that are well have to be seen in between.
"""


class Sight(NamedTuple):
    """An idle session that was looked at: its slot, proof and age in seconds, and how many were replaced by then."""

    slot: Slot
    proven_at: float
    idle_for: float
    replaced: int


class Learning(Places[S]):
    """The slots of one pool, and what became of the sessions in them."""

    def __init__(self, size: int, slots: Callable[[], Slot], interval: float | Literal["auto"]) -> None:
        """Start with an interval in seconds, which stays, or with one that is learned."""
        super().__init__(size, slots)
        self.limit = IdleLimit()
        self.learns = interval == "auto"
        self.interval: float = self.limit.interval if interval == "auto" else float(interval)  # floats compare fast
        self.kept = False
        self._seen: Sight | None = None

    def inherit(self, elder: "Learning[S]") -> None:
        """Know what another ledger of the same pool has learned."""
        self.limit, self.interval = elder.limit, elder.interval

    def _scout(self) -> Slot | None:
        """Return the oldest idle slot, if its session is to be left alone for longer than the others.

        Nobody is lent the session meanwhile: it is overdue. Whoever asks gets a fresh one, and the scout is checked.
        """
        if not (self.learns and self.kept and self.idle) or self._trial() <= self.interval:
            return None
        return self.idle[0] if self.idle[0].proven_at > self.suspected_at else None

    def _trial(self) -> float:
        """Return the idle age to try; where the session may be missed, none beyond that of the beginning."""
        may_be_missed = self.lent or self.waiters or self.size == 1
        return min(self.limit.trial, FIRST) if may_be_missed else self.limit.trial

    def _learn_life(self, age: float) -> None:
        """A check found a session alive after so many idle seconds."""
        if age:
            self.limit.passed(age)
            self._adapt()

    def _learn_from_use(self, now: float) -> None:
        """Look what became of the session that was the oldest idle one at the last look: proven since, it has lived.

        So a pool that is too busy to need pings learns all the same, and its checkouts pay nothing for it.
        """
        seen, replaced = self._seen, sum(self.replaced.values())
        if seen is not None and seen.slot.proven_at > seen.proven_at and seen.replaced == replaced:
            self.limit.lived(seen.idle_for)
            self._adapt()
        self._seen = None
        if self.idle and self.idle[0].proven_at > self.suspected_at:
            slot = self.idle[0]
            self._seen = Sight(slot, slot.proven_at, now - slot.proven_at, replaced)

    def _learn_death(self, slot: Slot, age: float, now: float) -> None:
        """A session was dead after so many idle seconds; of one that was suspect, another's death is cause enough."""
        if age and slot.proven_at > self.suspected_at:
            self.limit.died(age, slot.proven_at, now + SETTLING * self.interval)
            self._adapt()
            self._tell()

    def _learn_fall(self, slot: Slot, now: float) -> None:
        """A session died in use."""
        if slot.proven_at > self.suspected_at:
            self.limit.fell(now - slot.proven_at)
            self._adapt()

    def _adapt(self) -> None:
        """Follow what is known of the limit, unless the user has set an interval."""
        if self.learns:
            self.interval = self.limit.interval

    def _tell(self) -> None:
        """Say what the limit is, once, if the interval has to be shorter or was set too long."""
        dead_from = self.limit.dead_from
        if dead_from < self.limit.told * TOLD_AGAIN_BELOW and (self.learns or dead_from <= self.interval):
            self.limit.told = dead_from
            self._todo.append(LimitFound(dead_from, self.interval))
