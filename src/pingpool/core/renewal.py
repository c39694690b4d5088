"""Sessions that are to be renewed though they are well: one after the other, so that one slot at most is out of use.

A new session is created before the old one is ended: the old one waits aside, with the job, and comes back if that
fails. Where a server has no room for one more, the next attempt ends the old one first.

An idle session is renewed when nothing else is under way; one that is lent, when it comes back. So that it does not
come back by the fast way, which asks nothing, its proof of life is put aside while it is lent.
"""

import math

from pingpool.core.places import Places
from pingpool.core.slot import CHECKING, IDLE, IN_USE, RESETTING, Slot

OPEN = frozenset({IDLE, IN_USE, CHECKING, RESETTING})
"""The states of a slot that has a session."""


class Renewal:
    """The slots whose sessions are to be renewed, each with its proof of life, if that was put aside."""

    __slots__ = ("_places", "has_room", "old")

    def __init__(self, places: Places) -> None:
        self._places = places
        self.old: dict[Slot, float] = {}
        self.has_room = True

    def begin(self, suspected_at: float) -> None:
        """Renew every session that is open now; suspects that are lent come back by the slow way anyhow."""
        self.has_room = True
        for slot in self._places.slots:
            if slot.state in OPEN and slot not in self.old:
                self.old[slot] = slot.proven_at
                if slot.state is IN_USE and slot.proven_at > suspected_at:
                    slot.proven_at = -math.inf

    def came_back(self, slot: Slot) -> None:
        """A session is not lent any more: its proof of life counts again."""
        if slot.proven_at == -math.inf:
            slot.proven_at = self.old.get(slot, -math.inf)

    def is_done(self, slot: Slot) -> None:
        """The slot has a new session, or none at all."""
        self.old.pop(slot, None)

    def stop(self) -> None:
        """Renew nothing any more; what is lent may come back as ever."""
        for slot in self.old:
            if slot.state is IN_USE:
                self.came_back(slot)
        self.old.clear()

    def next_idle(self) -> Slot | None:
        """Return the idle slot that is the next to have a new session."""
        return next((slot for slot in self._places.idle.slots if slot in self.old), None) if self.old else None
