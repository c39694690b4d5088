"""The slots at rest: those with an idle session, in order of its proof of life, and the vacant ones.

Proof is a ping that succeeded, or a use that ended well. The oldest stands in front: it is the next to be lent, and the
next to be pinged. Since the interval is a constant and time never goes back, the queue is sorted by due time too.

To `enter` a place is half a move: see `places` for the other half.
"""

import math
from bisect import bisect_left, bisect_right
from collections import deque
from typing import Any

from pingpool.core.slot import IDLE, VACANT, Slot


def proof_of(slot: Slot) -> float:
    """Return when the session of a slot was proven."""
    return slot.proven_at


class IdleQueue:
    """Slots with an idle session, the oldest proof first."""

    __slots__ = ("slots",)

    def __init__(self) -> None:
        self.slots: deque[Slot] = deque()

    def enter(self, slot: Slot, session: Any) -> None:
        """Put the slot behind every session with an older proof."""
        place = bisect_right(self.slots, slot.proven_at, key=proof_of)
        slot.session = session
        self.slots.insert(place, slot)
        slot.state = IDLE

    def enter_unproven(self, slot: Slot, session: Any) -> None:
        """Put the slot in front, with no proof of life: its session has to be checked before it is lent."""
        if not slot.is_new:
            slot.created_at = None
        slot.proven_at = -math.inf
        slot.session = session
        self.slots.appendleft(slot)
        slot.state = IDLE

    def leave(self, slot: Slot) -> None:
        """Take the slot out, wherever it stands; its proof of life tells about where."""
        place = bisect_left(self.slots, slot.proven_at, key=proof_of)
        while self.slots[place] is not slot:
            place += 1
        del self.slots[place]

    def proofs(self, since: int = 0) -> "ProofsOf":
        """Return when each session was proven, from this place in the queue on."""
        return ProofsOf(self.slots, since)

    def count_proven_by(self, when: float) -> int:
        """Return how many sessions were proven at this time or before."""
        if not self.slots or self.slots[0].proven_at > when:
            return 0
        return bisect_right(self.slots, when, key=proof_of)

    def rebuild(self, slots: tuple[Slot, ...]) -> None:
        """Hold those of all slots that are idle by their state."""
        idle = sorted((slot for slot in slots if slot.state is IDLE), key=proof_of)
        self.slots.clear()
        self.slots.extend(idle)


class ProofsOf:
    """The times of proof of a queue of slots, none of them read before it is asked for."""

    __slots__ = ("_since", "_slots")

    def __init__(self, slots: deque[Slot], since: int) -> None:
        self._slots = slots
        self._since = since

    def __len__(self) -> int:
        """Return how many there are from the first place on."""
        return max(0, len(self._slots) - self._since)

    def __getitem__(self, place: int) -> float:
        """Return the one in this place."""
        return self._slots[self._since + place].proven_at


class VacantSlots:
    """Slots without a session."""

    __slots__ = ("slots",)

    def __init__(self, slots: tuple[Slot, ...]) -> None:
        self.slots: deque[Slot] = deque(slots)

    def enter(self, slot: Slot) -> None:
        """Put the slot last; its session, if there still is one, is nobody's business here any more."""
        self.slots.append(slot)
        slot.state = VACANT
        slot.session = None
        slot.ref = None

    def rebuild(self, slots: tuple[Slot, ...]) -> None:
        """Hold those of all slots that are vacant by their state."""
        vacant = [slot for slot in slots if slot.state is VACANT]
        for slot in vacant:
            slot.ref = None
        self.slots.clear()
        self.slots.extend(vacant)
