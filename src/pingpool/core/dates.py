"""When sessions are to be renewed, because they will be too old: the next one is found without a look at all others.

A heap of dates, each with its slot. A session that goes leaves its date behind: it is known as stale by the date that
the slot has now, and thrown away when it comes up, or when there are more stale ones than others.
"""

import heapq
import math
from collections.abc import Collection

from pingpool.core.slot import IDLE, Slot

Date = tuple[float, int, Slot]
"""When the session of a slot is to be renewed; the number in the middle settles ties."""


class Dates:
    """The dates of all sessions that have one; a pool whose sessions never grow too old pays nothing for them."""

    __slots__ = ("_dates", "_entered")

    def __init__(self) -> None:
        self._dates: list[Date] = []
        self._entered = 0

    def enter(self, slot: Slot, slots: tuple[Slot, ...]) -> None:
        """Note the date of a slot, which is one of these and has a new session."""
        if slot.renews_at < math.inf:
            heapq.heappush(self._dates, self._date_of(slot))
            if len(self._dates) > 2 * len(slots):
                self.rebuild(slots)

    def next_idle(self, idle: Collection[Slot]) -> Slot | None:
        """Return which of all idle slots has the session that is the next to be renewed, if there is one that ever is.

        Few are looked through. Of many, one is soon found by its date: not many of those that are lent stand before it.
        """
        dates = self._dates
        if len(idle) ** 2 < len(dates):
            return min((slot for slot in idle if slot.renews_at < math.inf), key=renewal_of, default=None)
        while dates and dates[0][2].renews_at != dates[0][0]:
            heapq.heappop(dates)
        ahead = [(dates[0], 0)] if dates else []
        while ahead:  # those in somebody's hands are passed over, in the order of their dates
            (when, _, slot), place = heapq.heappop(ahead)
            if slot.state is IDLE and slot.renews_at == when:
                return slot
            for below in range(2 * place + 1, min(2 * place + 3, len(dates))):
                heapq.heappush(ahead, (dates[below], below))
        return None

    def rebuild(self, slots: tuple[Slot, ...]) -> None:
        """Hold the dates of all slots as they are now."""
        dated = [self._date_of(slot) for slot in slots if slot.renews_at < math.inf]
        heapq.heapify(dated)
        self._dates[:] = dated

    def _date_of(self, slot: Slot) -> Date:
        self._entered += 1
        return slot.renews_at, self._entered, slot


def renewal_of(slot: Slot) -> float:
    """Return when the session of a slot is to be renewed."""
    return slot.renews_at
