"""What is to come, each thing at its time: the next one is found at once, however many there are.

A heap. What does not count any more stays where it stands; it is thrown away when it comes up, or when there is more of
it than of the rest. Each change is a single step: whoever strikes in the middle, an interrupt or a finaliser, may enter
something himself, and nothing is lost.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

Entry = tuple[float, int, T]
"""When a thing is to come, a number that settles ties, and the thing."""

FEW = 64
"""How many entries are kept without a look at whether they count; or twice as many as counted at the last look."""


class Agenda(Generic[T]):
    """Things in the order of their times. One that was entered for a time comes if it still `counts` then."""

    __slots__ = ("_counts", "_entries", "_last_change", "_many", "_numbers")

    def __init__(self, counts: Callable[[float, T], bool]) -> None:
        self._counts = counts
        self._numbers = itertools.count()
        self._last_change = 0
        self._entries: list[Entry[T]] = []
        self._many = FEW

    def __len__(self) -> int:
        """Return how many entries there are, also of what does not count any more."""
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        """Go through all things that are entered now, in no order, also what does not count any more."""
        return (thing for _, _, thing in self._entries.copy())

    def enter(self, when: float, thing: T) -> None:
        """Have a thing come at that time."""
        number = self._last_change = next(self._numbers)
        if len(self._entries) >= self._many:
            self._sweep()
        heapq.heappush(self._entries, (when, number, thing))

    def first(self) -> Entry[T] | None:
        """Return what comes next, if anything does."""
        while True:
            entries = self._entries
            if not entries:
                return None
            first = entries[0]
            if self._counts(first[0], first[2]):
                return first
            self.drop(first)

    def drop(self, first: Entry[T]) -> None:
        """Throw away what came next, unless something else does by now."""
        self._last_change = next(self._numbers)
        if self._entries and self._entries[0] is first:
            heapq.heappop(self._entries)

    def in_order(self) -> Iterator[T]:
        """Go through what is to come, in the order of time; what nobody asks for is not looked at."""
        entries = self._entries
        ahead = [(entries[0], 0)] if entries else []
        while ahead:
            (when, _, thing), place = heapq.heappop(ahead)
            if self._counts(when, thing):
                yield thing
            for below in range(2 * place + 1, min(2 * place + 3, len(entries))):
                heapq.heappush(ahead, (entries[below], below))

    def _sweep(self) -> None:
        change = self._last_change
        kept = [entry for entry in self._entries.copy() if self._counts(entry[0], entry[2])]
        heapq.heapify(kept)
        if self._last_change == change:  # or else somebody struck in the middle, and this is not up to date
            self._entries = kept
            self._many = max(FEW, 2 * len(kept))
