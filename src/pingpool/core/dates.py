"""When sessions are to be renewed, because they will be too old: the next one is found without a look at all others.

A session that goes leaves its date behind: it is known as stale by the date that the slot has now.
"""

import math
from collections.abc import Collection

from pingpool.agenda import Agenda
from pingpool.core.slot import IDLE, Slot


class Dates:
    """The dates of all sessions that have one; a pool whose sessions never grow too old pays nothing for them."""

    __slots__ = ("_agenda",)

    def __init__(self) -> None:
        self._agenda: Agenda[Slot] = Agenda(is_its_date)

    def enter(self, slot: Slot) -> None:
        """Note the date of a slot that has a new session."""
        if slot.renews_at < math.inf:
            self._agenda.enter(slot.renews_at, slot)

    def next_idle(self, idle: Collection[Slot]) -> Slot | None:
        """Return which of all idle slots has the session that is the next to be renewed, if there is one that ever is.

        Few are looked through. Of many, one is soon found by its date: not many of those that are lent stand before it.
        """
        if len(idle) ** 2 < len(self._agenda):
            return min((slot for slot in idle if slot.renews_at < math.inf), key=renewal_of, default=None)
        self._agenda.first()  # throws away the stale ones in front
        return next((slot for slot in self._agenda.in_order() if slot.state is IDLE), None)

    def rebuild(self, slots: tuple[Slot, ...]) -> None:
        """Hold the dates of all slots as they are now."""
        self._agenda = Agenda(is_its_date)
        for slot in slots:
            self.enter(slot)


def is_its_date(date: float, slot: Slot) -> bool:
    """Is this the date of the session that the slot has now?"""
    return slot.renews_at == date


def renewal_of(slot: Slot) -> float:
    """Return when the session of a slot is to be renewed."""
    return slot.renews_at
