"""The slots of whose sessions it was heard that the other side has hung up, while somebody has them.

Nobody takes such a session from its holder, or from the worker that checks it: what was heard is remembered until the
session is back. So that one that is lent does not come back by the fast way, which asks nothing, its proof of life is
put aside meanwhile.
"""

import math

from pingpool.core.slot import IN_USE, Slot


class HangUps:
    """What was heard and still matters: each slot with the proof of life that its session had.

    Only `clear` and `heal` look through them: where a server ends all its sessions, there are as many as were lent.
    """

    __slots__ = ("heard",)

    def __init__(self) -> None:
        self.heard: dict[Slot, float] = {}

    def note(self, slot: Slot) -> None:
        """Remember that the session of this slot is dead; if it is lent, see that it comes back by the slow way."""
        self.heard.setdefault(slot, -math.inf)
        self._put_proof_aside(slot)

    def put_proofs_aside(self) -> None:
        """The same for all: the end of a renewal, or a return that was cut short, has given proofs of life back."""
        for slot in self.heard:
            self._put_proof_aside(slot)

    def claim(self, slot: Slot) -> bool:
        """Was it heard of the session that comes back to this slot? If so its proof of life counts again.

        That is remembered until the slot has another session: an interrupt may come before this one has gone.
        """
        if slot not in self.heard:
            return False
        if slot.proven_at == -math.inf:
            slot.proven_at = self.heard[slot]
        return True

    def forget(self, slot: Slot) -> None:
        """The slot has another session."""
        self.heard.pop(slot, None)

    def _put_proof_aside(self, slot: Slot) -> None:
        if slot.state is IN_USE and slot.proven_at > -math.inf:
            self.heard[slot] = slot.proven_at
            slot.proven_at = -math.inf
