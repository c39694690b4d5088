"""What the error of a caller who got no session says: who holds the sessions, what failed lately, what the matter is.

All here is words made of facts, once for every world. An error stands in one line of a log, so it names few places, and
nothing in it can begin another line.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from pingpool.core.histogram import Histogram
from pingpool.core.stats import Stats
from pingpool.core.uses import Use
from pingpool.errors import DeadOnArrival
from pingpool.pool.holders import Holder, holders_of
from pingpool.text import in_one_line, in_seconds

MOST_PLACES = 3
"""How many places of checkouts an error names."""

NOT_FILLED = "it is not bound to a database, or was cleared: call bind()"

STALE = 600.0
"""Seconds after which a failure tells nothing about the present any more."""

USUAL = 0.99
"""What this share of the uses did not exceed is usual; provided that there were as many as `ENOUGH`."""

ENOUGH = 50

BLINK = 0.001
"""In less time, in seconds, nobody could have brought a session back."""

MUCH_LONGER = 10
"""A session that is held so many times as long as usual may have been forgotten."""


class Facts(NamedTuple):
    """A pool at the moment when somebody got no session: what the slots did, who held them, who waited, what failed.

    `nested` is how many sessions are held for certain by those who wait: see `blocks`.
    """

    now: float
    stats: Stats
    uses: list[Use]
    waiting: list[Use]
    nested: int
    failures: list[tuple[float, BaseException]]
    is_filling: bool


class Picture(Facts):
    """The facts, and what follows from them; that takes its time where many sessions are held."""

    @property
    def is_exhausted(self) -> bool:
        """Is every session there is in use, and none missing?"""
        return self.is_filling and self.stats.in_use == self.stats.size

    @cached_property
    def holders(self) -> list[Holder]:
        """Who holds the sessions, by place."""
        return holders_of(self.uses, {}, self.now)

    @cached_property
    def ages(self) -> list[float]:
        """For how many seconds each session had been held, the newest first."""
        return sorted(max(0.0, self.now - use.since) for use in self.uses)

    def develop(self) -> None:
        """Find out now what takes its time, rather than when it is asked for."""
        _ = self.holders, self.ages


def no_session_within(waited: float, picture: Picture) -> str:
    """Say that a caller waited so many seconds in vain."""
    holders = picture.holders
    held = f"; held by {_in_words(holders[:MOST_PLACES])}" if holders else ""
    left = len(holders) - MOST_PLACES
    more = f" and {left} more place{'s' * (left > 1)}" if left > 0 else ""
    hint = diagnosis(waited, picture)
    return f"no session within {in_seconds(waited)} ({picture.stats}{held}{more})" + (f"; {hint}" if hint else "")


def deadlock(picture: Picture) -> str:
    """Say that all who hold the sessions wait for another one, and where."""
    held, waiting = _in_words(picture.holders), _in_words(holders_of(picture.waiting, {}, picture.now))
    where = f"held by {held}; waiting at {waiting}"
    return f"every session is held by a block that waits for another one ({picture.stats}; {where})"


def notes(picture: Picture) -> list[str]:
    """Say what failed lately, and how long ago, the last first."""
    ages = [(max(0.0, picture.now - when), error) for when, error in reversed(picture.failures)]
    return [f"{in_seconds(age)} ago: {in_one_line(error)}" for age, error in ages if age < STALE]


def diagnosis(waited: float, picture: Picture) -> str:
    """Say in one line what the matter may be; nothing where that cannot be told.

    | the matter        | what shows it                                                               |
    |-------------------|-----------------------------------------------------------------------------|
    | not bound         | nobody fills the vacant slots                                               |
    | cannot be made    | slots are without a session, and the last attempt failed                    |
    | die at once       | the same, and the last attempt brought a dead one                           |
    | nested checkouts  | half the sessions are held by blocks whose callers wait for another one     |
    | a leak            | sessions are held much longer than usual                                    |
    | slow holders      | none came back while the caller waited                                      |
    | too small a pool  | some came back, and went to others in line                                  |
    """
    stats = picture.stats
    if not picture.is_filling:
        return NOT_FILLED
    if stats.open < stats.size and stats.last_failure is not None:
        failed = "die at once" if _die_at_once(picture) else "cannot be opened"
        return f"{_missing(stats)} of {stats.size} sessions {failed}: see the notes"
    if stats.in_use < stats.size or waited < BLINK:
        return ""
    if 2 * picture.nested >= stats.size:
        return f"{picture.nested} held by callers who wait for another one: nested checkouts"
    forgotten = _much_longer_than_usual(picture.ages, stats.uses, waited)
    if forgotten:
        usual = stats.uses.at_most(USUAL)
        these = "1 of them is" if forgotten == 1 else f"{forgotten} of them are"
        return f"{these} held much longer than usual ({USUAL:.0%} of uses end within {usual:g} s): a leak?"
    if picture.ages[0] >= waited:
        return "none came back in that time: slow holders"
    return f"those that came back went to others in line: the pool is too small for {stats.waiting} waiting"


def _die_at_once(picture: Picture) -> bool:
    """Did the last attempt bring a session, but a dead one?"""
    return bool(picture.failures) and isinstance(picture.failures[-1][1], DeadOnArrival)


def _missing(stats: Stats) -> int:
    """Return how many sessions are missing: of the stock, or on demand for those who wait; one was for this caller."""
    return min(stats.size - stats.open, max(stats.wanted - stats.open, stats.waiting, 1))


def _much_longer_than_usual(ages: Sequence[float], uses: Histogram, waited: float) -> int:
    """Return how many sessions may have been forgotten."""
    if uses.total < ENOUGH:
        return 0
    much = max(MUCH_LONGER * uses.at_most(USUAL), waited)
    return len(ages) - bisect_right(ages, much)


def _in_words(holders: Iterable[Holder]) -> str:
    """Return the places. The first says what its seconds are; then it goes without saying."""
    words: list[str] = []
    for holder in holders:
        what = "longest " if holder.sessions > 1 and not words else ""
        words.append(f"{holder.place} ({holder.sessions}, {what}{holder.longest:.1f} s)")
    return ", ".join(words)
