"""What the log of a pool says: each change of state once, and one line a minute while a trouble lasts.

Pure: it hears what happened, each with its time, and answers with lines. `docs/log.md` lists them all.

A trouble begins when a session cannot be opened, and lasts until none is missing. Of the others nobody can say when
they are over: callers that time out because all sessions are in use, or that are refused; calls that take too long.
They count as over when none has come for a minute.
"""

import math
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, ClassVar, Final, NamedTuple

from pingpool.core.orders import Dropped, LimitFound, place_of
from pingpool.core.told import (
    Closed,
    Made,
    NotMade,
    Opened,
    Overran,
    Recovered,
    Replaced,
    RolledBack,
    TimedOut,
    Told,
    TurnedAway,
)
from pingpool.errors import DeadOnArrival
from pingpool.text import in_one_line, in_seconds

MINUTE = 60.0
"""Seconds after which a state that lasts is told again."""

USED: Final = {
    "lost": "died in use",
    "tainted": "was interrupted in use",
    "in doubt": "could not be proven alive",
    "left busy": "was left busy by its holder",
    "left open": "was left open by its holder",
    "changed": "was changed by its holder",
}
"""Why a session is replaced that somebody has used: its holder met that, or caused it."""

QUIETLY: Final = {
    "gone": "was found dead",
    "too old": "is too old",
    "renewed": "is renewed",
    "discarded": "was discarded by its holder",
    "detached": "was detached by its holder",
    "swapped": "makes room for one that was put by hand",
}
"""Why a session is replaced that nobody misses. Of those that are replaced for other reasons another line tells."""


def reason(error: BaseException | None) -> str:
    """Say why something failed, as far as that is known."""
    return "nothing tells why" if error is None else in_one_line(error)


class Level(IntEnum):
    """How much a line matters; the numbers are those of `logging`."""

    DEBUG = 10
    INFO = 20
    WARNING = 30


class Line(NamedTuple):
    """One line of the log, without the name of the pool. `is_leak`: it is also a `ResourceWarning`."""

    level: Level
    text: str
    is_leak: bool = False


class Spell:
    """Something bad that lasts: when it began, how often it has happened since, and when it was told last."""

    def __init__(self, fades_after: float = math.inf) -> None:
        """It counts as over when it has not happened for so many seconds; otherwise somebody has to `end` it."""
        self._fades_after = fades_after
        self._told_at = -math.inf
        self._last_at = -math.inf
        self.since = -math.inf
        self.times = 0

    @property
    def is_on(self) -> bool:
        """Does it last?"""
        return self.times > 0

    def happens(self, now: float) -> Level:
        """Note that it happens, now or again; return how much that matters."""
        if now - self._last_at >= self._fades_after:
            self.end()
        if not self.is_on:
            self.since = now
        self._last_at = now
        self.times += 1
        if now - self._told_at < MINUTE:
            return Level.DEBUG
        self._told_at = now
        return Level.WARNING

    def end(self) -> None:
        """Note that it is over. Should it begin again, that is told at once."""
        self._told_at = -math.inf
        self.times = 0

    def lasted(self, now: float) -> str:
        """Say for how long it has lasted."""
        return f"for {in_seconds(now - self.since)}"

    def again(self, now: float, what: str) -> str:
        """Say how often it has happened and for how long, if not for the first time."""
        return f" {self.lasted(now)}, {self.times} {what}" if self.times > 1 else ""


class Story:
    """The state of one pool, as far as its log tells of it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._trouble = Spell()
        self._exhausted = Spell(fades_after=MINUTE)
        self._crowded = Spell(fades_after=MINUTE)
        self._overruns = Spell(fades_after=MINUTE)
        self._sessions = 0
        self._made_before = 0
        self._places: set[str] = set()

    def hear(self, event: Told) -> Iterable[Line]:
        """Hear what happened next, and return what is to be said about it. (Of each use only an observer is told.)"""
        lines = self._lines.get(type(event))
        return () if lines is None else lines(self, event)

    # The pool as a whole.

    def _opened(self, event: Opened) -> Iterable[Line]:
        yield Line(Level.INFO, f"opened: {event.database}, {self._count(event.sessions)}")

    def _closed(self, event: Closed) -> Iterable[Line]:
        yield Line(Level.INFO, "closed")

    def _limit_found(self, event: LimitFound) -> Iterable[Line]:
        dropped, pinged = in_seconds(event.idle_limit), in_seconds(event.interval)
        text = f"sessions idle for {dropped} or more are dropped on this path; ping_interval is {pinged}"
        yield Line(Level.WARNING if event.interval >= event.idle_limit else Level.INFO, text)

    # Sessions that are made, or not.

    def _made(self, event: Made) -> Iterable[Line]:
        if not (self._sessions or event.is_missed):
            kind = f"{event.kind.__module__}.{event.kind.__qualname__}"
            text = "takes no weak references, so without the GIL a dropped one is never noticed: give each back"
            yield Line(Level.INFO, f"a {kind} {text}")
        self._sessions += 1
        yield Line(Level.DEBUG, f"a session was opened in {in_seconds(event.took)} ({self._count(event.sessions)})")

    def _not_made(self, event: NotMade) -> Iterable[Line]:
        trouble = self._trouble
        if not trouble.is_on:
            self._made_before = self._sessions
        level = trouble.happens(event.at)
        lasted = f", {trouble.lasted(event.at)}, {trouble.times} attempts" if trouble.times > 1 else ""
        if isinstance(event.error, DeadOnArrival):  # how many are open, alive or not, is no comfort
            what = "they still die at once" if lasted else "new sessions die at once"
            yield Line(level, f"{what}{lasted}: {reason(event.error.__cause__)}")
        else:
            what = "still not" if lasted else "cannot open sessions"
            yield Line(level, f"{what}{lasted}: {reason(event.error)} ({self._count(event.sessions)})")

    def _recovered(self, event: Recovered) -> Iterable[Line]:
        made = self._sessions - self._made_before
        sessions = f"{made} session{'s' * (made != 1)} {'replaced' if self._made_before else 'opened'}"
        yield Line(Level.INFO, f"well again after {in_seconds(event.at - self._trouble.since)}: {sessions}")
        self._trouble.end()

    # Sessions that are given up.

    def _replaced(self, event: Replaced) -> Iterable[Line]:
        what = USED.get(event.why) or QUIETLY.get(event.why)
        if what:
            used = f", in use for {in_seconds(event.used_for)}" if event.used_for else ""
            ages = f"{in_seconds(event.age)} old, idle for {in_seconds(event.idle_for)}{used}"
            yield Line(Level.INFO if event.why in USED else Level.DEBUG, f"a session {what}, and is replaced: {ages}")

    def _dropped(self, event: Dropped) -> Iterable[Line]:
        text = f"a session checked out {event.place} was never put back; its slot is filled anew"
        yield Line(Level.WARNING, text, is_leak=True)

    def _overran(self, event: Overran) -> Iterable[Line]:
        level = self._overruns.happens(event.at)
        yield Line(level, f"{event.told}{self._overruns.again(event.at, 'calls')}")

    # Callers.

    def _rolled_back(self, event: RolledBack) -> Iterable[Line]:
        place = place_of(event.site, event.instruction)
        if place not in self._places:
            self._places.add(place)
            text = f"a session checked out {place} came back in a transaction, which was rolled back"
            yield Line(Level.WARNING, f"{text}: commit() what is to stay")

    def _timed_out(self, event: TimedOut) -> Iterable[Line]:
        if not event.is_exhausted:  # then the trouble is told, or there is none
            yield Line(Level.DEBUG, event.told)
            return
        level = self._exhausted.happens(event.at)
        yield Line(level, f"exhausted{self._exhausted.again(event.at, 'callers')}: {event.told}")

    def _turned_away(self, event: TurnedAway) -> Iterable[Line]:
        level = self._crowded.happens(event.at)
        again = self._crowded.again(event.at, "callers")
        yield Line(level, f"a caller was refused, since max_waiters wait already{again}")

    def _count(self, sessions: int) -> str:
        return f"{sessions} of {self._size} open"

    _lines: ClassVar[dict[type, Callable[["Story", Any], Iterable[Line]]]] = {
        Opened: _opened,
        Closed: _closed,
        LimitFound: _limit_found,
        Made: _made,
        NotMade: _not_made,
        Recovered: _recovered,
        Replaced: _replaced,
        Dropped: _dropped,
        Overran: _overran,
        RolledBack: _rolled_back,
        TimedOut: _timed_out,
        TurnedAway: _turned_away,
    }
