"""Sessions that are to be renewed though they are well: one after the other, so that one slot at most is out of use.

A new session is created before the old one is ended: the old one waits aside, with the job, and comes back if that
fails. Where a server has no room for one more, the next attempt ends the old one first. That leaves a gap, and no other
is renewed until some new session has closed it.

An idle session is renewed when nothing else is under way; one that is lent, when it comes back. So that it does not
come back by the fast way, which asks nothing, its proof of life is put aside while it is lent. One that has to be
checked or reset first is renewed after that; if somebody always waits, it will never be idle.
"""

import math
from collections.abc import Collection

from pingpool.core.places import Places
from pingpool.core.slot import CHECKING, CREATING, IDLE, IN_USE, RESETTING, VACANT, Slot
from pingpool.core.uses import SINCE

OPEN = frozenset({IDLE, IN_USE, CHECKING, RESETTING})
"""The states of a slot that has a session."""


class Renewal:
    """The slots whose sessions are to be renewed, each with its proof of life, if that was put aside.

    No turn looks through them all: many may be old, for long. What was lent before the last look has been seen to.
    """

    __slots__ = ("_looked_at", "_places", "gap", "has_room", "old")

    def __init__(self, places: Places) -> None:
        self._places = places
        self.old: dict[Slot, float] = {}
        self.has_room = True
        self.gap = False
        self._looked_at = -math.inf

    def begin(self) -> None:
        """Renew every session that is open now."""
        self.has_room = True
        for slot in self._places.slots:
            if slot.state in OPEN and slot not in self.old:
                self.old[slot] = slot.proven_at
        for job in self._places.jobs.open:
            job.outdated = job.kind is CREATING and job.started
        self.look_at_all()

    def look_at_all(self) -> None:
        """Have the next look see all that is lent: after an interrupt, what was seen to may count as proven again."""
        self._looked_at = -math.inf

    def put_proofs_aside(self, suspected_at: float, now: float) -> None:
        """See that what is lent comes back by the slow way; suspects do so anyhow."""
        for slot in reversed(self._places.lent.slots.values()):
            if slot.session[SINCE] < self._looked_at:
                break
            if slot in self.old and suspected_at < slot.proven_at:
                self.old[slot] = slot.proven_at
                slot.proven_at = -math.inf
        self._looked_at = now

    def forget_vacant(self) -> None:
        """A slot without a session has nothing to renew; whichever are fewer, old or vacant, are looked through."""
        fewer: Collection[Slot] = min(self.old, self._places.vacant.slots, key=len)
        for slot in [slot for slot in fewer if slot.state is VACANT]:
            self.old.pop(slot, None)

    def came_back(self, slot: Slot) -> None:
        """A session is not lent any more: its proof of life counts again."""
        if slot.proven_at == -math.inf:
            slot.proven_at = self.old.get(slot, -math.inf)

    def is_done(self, slot: Slot) -> None:
        """The slot has a new session."""
        self.old.pop(slot, None)
        self.gap = False

    def is_due_again(self, slot: Slot) -> None:
        """The slot has a new session, which somebody wants renewed since it was begun."""
        self.old[slot] = slot.proven_at

    def stop(self) -> None:
        """Renew nothing any more; what is lent may come back as ever."""
        for slot in self.old:
            if slot.state is IN_USE:
                self.came_back(slot)
        self.old.clear()
        self.gap = False

    def next_idle(self) -> Slot | None:
        """Return the idle slot that is the next to have a new session."""
        return next((slot for slot in self._places.idle.slots if slot in self.old), None) if self.old else None
