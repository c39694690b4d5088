"""When those who wait in a loop give up: the next one is found at once, however many they are.

Nobody is kept alive by this. Who waits is held by the line, and who has his answer by his own task; if that is
collected, its session must be, too.
"""

import heapq
import itertools
from weakref import ref

from pingpool.aio.gates import AsyncRound, AsyncWaiter

Answer = AsyncWaiter | AsyncRound

FEW = 64
"""Entries of those who wait no more are swept out when there are more, and twice as many as the last sweep left."""


class Deadlines:
    """The times until which tasks wait, the soonest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, ref[Answer]]] = []
        self._order = itertools.count()
        self._many = FEW

    def enter(self, answer: Answer) -> None:
        """Somebody waits for this until its time is up."""
        heapq.heappush(self._heap, (answer.until, next(self._order), ref(answer)))
        if len(self._heap) > self._many:
            awaited = [entry for entry in self._heap if is_awaited(entry[2]())]
            heapq.heapify(awaited)
            self._heap = awaited
            self._many = max(FEW, 2 * len(awaited))

    def wake_due(self, now: float) -> None:
        """Wake those whose time is up."""
        heap = self._heap
        while heap and (heap[0][0] <= now or not is_awaited(heap[0][2]())):
            answer = heap[0][2]()
            if answer is not None:
                answer.wake()
            heapq.heappop(heap)  # last: a Ctrl-C in between leaves somebody to be woken twice, not never

    def next_at(self) -> float | None:
        """Return when the next one's time is up; None if nobody waits any more."""
        return self._heap[0][0] if self._heap else None


def is_awaited(answer: Answer | None) -> bool:
    """Is there still somebody who waits for it?"""
    return answer is not None and not answer.is_over
