"""The idle limit: the idle age from which a path drops sessions, learned from what became of those that were checked.

Nobody says what it is, neither the server nor the firewall in between. But a check that finds its session alive shows
that an idle age is survived, and one that finds it dead shows that it may not be.

One death proves little, since a restart takes sessions of any age. It is refuted by the next session that is found
alive at that age or above. Caution costs only a few pings, and a false word costs trust: so the pool acts on one death
and speaks after three in a row, none refuted, each of a session that was proven well after the one before was found.

Pure arithmetic, in seconds: no clock, no session.
"""

import math

FIRST = 30.0
"""The interval to begin with: below the idle time-outs that proxies, firewalls and clouds come with."""

LONGEST = 3000.0
"""The longest interval worth having: with that, even a session that is never used costs one ping in 50 minutes."""

SHORTEST = 0.5
"""The shortest; below it keeping alive would be a load of its own."""

WITNESSES = 3
"""So many deaths in a row are a limit."""

CAUTION = 0.25
"""Where sessions die and none was seen alive, the interval is this part of the age of the youngest."""

GROWTH = 1.5
"""While no session has died, the next age to try is so many times the interval."""

CLOSE = 1.25
"""When the age at which sessions die is within so many times the interval, there is no more to find out."""

SOON = 20
"""After so many checks without a death that age is tried again, until there are witnesses enough."""

CALM = 1000
"""The same afterwards: paths change."""


class IdleLimit:
    """What is known of the idle ages at which sessions live and die, and the ping interval that follows from it."""

    __slots__ = ("_calm", "_deaths", "_settled_at", "_survived", "oldest_alive")

    def __init__(self) -> None:
        """Know nothing."""
        self.oldest_alive = 0.0
        self._survived = 0.0  # the same, below what is feared
        self._deaths: list[float] = []
        self._settled_at = -math.inf
        self._calm = 0

    def lived(self, age: float) -> None:
        """Note a session that was alive after so long; no death at that age or below meant what it seemed to."""
        self.oldest_alive = max(self.oldest_alive, age)
        self._survived = max(self._survived, age)
        self._deaths = [death for death in self._deaths if death > age]
        self._calm += 1

    def died(self, age: float, proven_at: float, settled_at: float) -> None:
        """Note a session that was dead after so long, when it had been proven, and when things will have settled.

        Deaths of sessions that were proven before that may all have one cause; they count as one.
        """
        self._calm = 0
        if proven_at >= self._settled_at:
            self._deaths = [*self._deaths[1 - WITNESSES :], age]
            self._settled_at = settled_at
        elif self._deaths:
            self._deaths[-1] = min(self._deaths[-1], age)
        if self._survived >= self.feared:
            self._survived = 0.0
        if self.oldest_alive >= self.dead_from:  # that was before the path changed
            self.oldest_alive = 0.0

    @property
    def dead_from(self) -> float:
        """The idle age from which sessions are dropped; infinity while that is not known."""
        return max(self._deaths) if len(self._deaths) == WITNESSES else math.inf

    @property
    def feared(self) -> float:
        """The smallest idle age at which a session died, if that was not refuted; infinity if there is none."""
        return min(self._deaths, default=math.inf)

    @property
    def interval(self) -> float:
        """The longest ping interval that nothing speaks against."""
        if self.feared == math.inf:
            return min(max(self.oldest_alive, FIRST), LONGEST)
        return max(self._survived, self.feared * CAUTION, SHORTEST)

    @property
    def trial(self) -> float:
        """The idle age to try next, on one session; the interval itself if there is nothing to try."""
        interval, feared = self.interval, self.feared
        if feared == math.inf:
            return min(interval * GROWTH, LONGEST)
        if feared > interval * CLOSE:
            return (interval + feared) / 2
        return feared if self._calm >= (SOON if self.dead_from == math.inf else CALM) else interval
