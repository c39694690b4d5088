"""The slots of whose sessions it was heard that the other side has hung up, while somebody has them.

Nobody takes such a session from its holder, or from the worker that checks it: what was heard is remembered until the
session is back. So that one that is lent does not come back by the fast way, which asks nothing, its proof of life is
put aside meanwhile.
"""

import math
from typing import Any

from pingpool.core.slot import IN_USE, Slot


class HangUps:
    """What was heard and still matters: each slot with the reference of its session, and the proof that was put aside.

    If the session leaves the pool in another way, its slot is forgotten at the end of that turn.
    """

    __slots__ = ("heard",)

    def __init__(self) -> None:
        self.heard: dict[Slot, tuple[Any, float]] = {}

    def note(self, slot: Slot) -> None:
        """Remember that the session of this slot is dead."""
        self.heard[slot] = (slot.ref, -math.inf)

    def put_proofs_aside(self, suspected_at: float) -> None:
        """See that what is lent comes back by the slow way."""
        for slot, (ref, _) in list(self.heard.items()):
            if slot.ref is not ref:
                del self.heard[slot]
            elif slot.state is IN_USE and suspected_at < slot.proven_at:
                self.heard[slot] = (ref, slot.proven_at)
                slot.proven_at = -math.inf

    def claim(self, slot: Slot) -> bool:
        """Was it heard of the session that comes back to this slot? If so its proof of life counts again."""
        if slot not in self.heard:
            return False
        _, proven_at = self.heard.pop(slot)
        if slot.proven_at == -math.inf:
            slot.proven_at = proven_at
        return True
