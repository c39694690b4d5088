"""The search for an idle limit: which ages to try next. Pure arithmetic: no clock, no session.

A ping makes a session young again, so each can be tried only once. The search goes in rounds. A round opens its
sessions together, pings each at an age of its own, and ends with the first death. The first round goes from small ages
to the largest. The others divide the gap between alive and dead until it is small. If a session outlives the age of a
death, that death had another cause (for example a restart), and the search goes on to larger ages.
"""

import math
from typing import NamedTuple

YOUNGEST = 1.0
"""Seconds: the smallest age of the first round, unless `up_to` is small."""

PRECISION = 0.05
"""How small the gap has to be, as a part of the age at which sessions are dead."""

FINEST = 0.1
"""Seconds: no gap has to be smaller than this."""

MOST_ROUNDS = 16
"""A path that contradicts itself ends the search."""

MARGIN = 0.8
"""The recommended interval, as a part of an age at which sessions are alive."""


class Finding(NamedTuple):
    """One session's age in seconds, whether it was alive (None: unknown), and the error if not."""

    age: float
    is_alive: bool | None
    reason: str = ""


class Search:
    """Looks for the age at which idle sessions begin to die: up to `up_to` seconds, `sessions` at a time.

    Raises:
        ValueError: `up_to` is not a positive number, or there are fewer than two sessions.
    """

    def __init__(self, up_to: float, sessions: int) -> None:
        if not 0 < up_to < math.inf:
            raise ValueError(f"up_to must be a positive, finite number of seconds; got {up_to!r}")
        if sessions < 2:
            raise ValueError(f"sessions must be 2 or more; got {sessions!r}")
        self.up_to = up_to
        self.sessions = sessions
        self.rounds = 0
        self.findings: list[Finding] = []

    def note(self, finding: Finding) -> None:
        self.findings.append(finding)

    def next_round(self) -> list[float]:
        """Begin a round and return the ages to try, youngest first; none when the search is over."""
        if self.is_over:
            return []
        self.rounds += 1
        alive, dead = self.oldest_alive, self.youngest_dead
        if dead is None:
            start = max(alive, min(YOUNGEST, self.up_to / 10))
            growth = self.up_to / start
            return [*(start * growth ** (step / self.sessions) for step in range(1, self.sessions)), self.up_to]
        steps = min(self.sessions, self.parts(dead - alive))
        return [*(alive + (dead - alive) * step / steps for step in range(1, steps)), dead]

    @property
    def is_over(self) -> bool:
        """Is the limit known well enough, or was everything tried?"""
        dead = self.youngest_dead
        if dead is None:
            is_known = any(finding.age >= self.up_to for finding in self.findings)
        else:
            is_known = dead - self.oldest_alive <= self.small_gap
        return is_known or self.rounds == MOST_ROUNDS

    @property
    def oldest_alive(self) -> float:
        """The largest age at which a session was alive, or 0."""
        return max((finding.age for finding in self.findings if finding.is_alive), default=0.0)

    @property
    def youngest_dead(self) -> float | None:
        """The smallest age at which a session was dead and that none outlived, or None."""
        return min((age for age in self.deaths if age > self.oldest_alive), default=None)

    @property
    def deaths(self) -> list[float]:
        return [finding.age for finding in self.findings if finding.is_alive is False]

    @property
    def strays(self) -> list[float]:
        """The ages of the dead that others outlived, youngest first."""
        return sorted(age for age in self.deaths if age <= self.oldest_alive)

    @property
    def ping_interval(self) -> float:
        """The interval to recommend, in seconds: well below the first death. 0 if no session lived."""
        first_death = min(self.deaths, default=math.inf)
        safe = max((each.age for each in self.findings if each.is_alive and each.age < first_death), default=0.0)
        return rounded_down(safe * MARGIN)

    @property
    def small_gap(self) -> float:
        """How many seconds may stay unknown between alive and dead."""
        return max(FINEST, PRECISION * (self.youngest_dead or 0.0))

    def parts(self, gap: float) -> int:
        """Return into how many parts to divide a gap: twice as many as needed, since pings may be late."""
        return math.ceil(2 * gap / self.small_gap)

    def later_rounds(self) -> float:
        """Return how many seconds the rounds after this one may take."""
        dead = self.youngest_dead
        if dead is None:
            return 0.0
        rounds = math.ceil(math.log(self.parts(dead - self.oldest_alive), self.sessions))
        return dead * max(0, rounds - 1)


def rounded_down(seconds: float) -> float:
    """Round to whole seconds, tenths below ten, hundredths below one."""
    scale = 1 if seconds >= 10 else 10 if seconds >= 1 else 100
    return math.floor(seconds * scale) / scale
