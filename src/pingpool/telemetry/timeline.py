"""A timeline: which state each slot of a pool was in, and when.

    timeline = Timeline()
    pool = timeline.record(PingingPool(size=4))
    pool.bind(database)
    ...
    Path("shop.svg").write_text(draw(timeline, title="an hour at the shop"))

The slots record each change themselves, so nothing is missed, however short. The record grows with every checkout,
which takes a microsecond longer: this is for minutes, not for production.

An `observer=` could not draw this picture. It is told of sessions, not of slots, so it cannot say in which lane a thing
happened; and of what has ended, so it cannot say when a check, a reset, an opening or an ending began, nor of a check
that found its session well. To tell all that would cost every pool that has an observer, for the sake of a picture.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from pingpool.core.slot import IDLE, IN_USE, VACANT, AgingSlot, State
from pingpool.pool.life import Life, equip
from pingpool.threads.clock import SystemClock

P = TypeVar("P", bound=Life[Any, Any])

Now = Callable[[], float]

EVERYDAY = {IDLE, IN_USE}
"""The common states. Any other is rare, short, and what one looks for."""


class Span(NamedTuple):
    """The time that a slot spent in one state, in seconds of the timeline's clock."""

    start: float
    end: float
    state: State


class Mark(NamedTuple):
    """Something that happened from outside, to one lane or (None) to the pool."""

    when: float
    what: str
    lane: int | None


class Period(NamedTuple):
    """A time with a name, from `start` to `end`: hours of much, or of nothing to do."""

    start: float
    end: float
    name: str


class Lane(AgingSlot):
    """A slot that records its states."""

    __slots__ = ("_now", "_state", "changes")

    _state: State

    def __init__(self, now: Now) -> None:
        self._now = now
        self.changes: list[tuple[float, State]] = []
        super().__init__()

    @property
    def state(self) -> State:
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        if not self.changes or self._state is not state:
            self.changes.append((self._now(), state))
        self._state = state

    def spans(self, start: float, end: float) -> Iterator[Span]:
        """Yield the states from `start` to `end`, without gaps."""
        changes = self.changes[: bisect_right(self.changes, end, key=_when)]
        first = max(0, bisect_right(changes, start, key=_when) - 1)
        for (since, state), (until, _) in pairwise([*changes[first:], (end, VACANT)]):
            if until > start:
                yield Span(max(since, start), until, state)

    def prevailing(self, start: float, end: float, count: int) -> list[State | None]:
        """Return one state for each of `count` equal parts of the time; None where there was no slot yet.

        A rare state wins over the common ones, so that a small picture shows it; among equals, the longest wins.
        """
        width = (end - start) / count
        shares: list[dict[State, float]] = [{} for _ in range(count)]
        for span in self.spans(start, end):
            first = int((span.start - start) / width)
            last = min(int((span.end - start) / width), count - 1)
            for part in range(first, last + 1):
                left, right = start + part * width, start + (part + 1) * width
                share = min(span.end, right) - max(span.start, left)
                if share > 0:
                    shares[part][span.state] = shares[part].get(span.state, 0.0) + share
        return [_most_telling(share) for share in shares]


class Timeline:
    """The states of all slots of a pool, what happened from outside, who waited, and which times had a name."""

    def __init__(self, now: Now = SystemClock.now) -> None:
        self.now = now
        self.started_at = now()
        self.lanes: list[Lane] = []
        self.marks: list[Mark] = []
        self.arrivals: list[tuple[float, int]] = []
        self.periods: list[Period] = []

    def record(self, pool: P) -> P:
        """Have a pool that was never bound record to this timeline."""
        return equip(pool, slots=self.add_lane)

    def add_lane(self) -> Lane:
        lane = Lane(self.now)
        self.lanes.append(lane)
        return lane

    def lane_of(self, session: object) -> int | None:
        """Return the lane of a session, counted from 0, or None."""
        for number, lane in enumerate(self.lanes):
            if lane.ref is not None and lane.ref() is session:
                return number
        return None

    def mark(self, what: str, lane: int | None = None) -> None:
        """Record that something happened from outside just now."""
        self.marks.append(Mark(self.now(), what, lane))

    def queue(self, change: int) -> None:
        """Record that a caller began (1) or stopped (-1) to wait for a session."""
        self.arrivals.append((self.now(), change))

    def queue_lengths(self, start: float, end: float, count: int) -> list[int]:
        """Return the most waiters in each of `count` equal parts of the time."""
        width = (end - start) / count
        lengths = [0] * count
        length, part = 0, 0
        for when, change in sorted(self.arrivals):
            if when >= end:
                break
            now_in = max(0, int((when - start) / width))
            for passed in range(part + 1, now_in + 1):
                lengths[passed] = length
            part = max(part, now_in)
            length += change
            lengths[part] = max(lengths[part], length) if when >= start else length
        for rest in range(part + 1, count):
            lengths[rest] = length
        return lengths


def _when(change: tuple[float, State]) -> float:
    return change[0]


def _most_telling(share: dict[State, float]) -> State | None:
    return max(share, key=lambda state: (state not in EVERYDAY, share[state]), default=None)
