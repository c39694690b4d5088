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
"""How many deaths in a row show a limit."""

CAUTION = 0.25
"""Where sessions die and none was seen alive, the interval is this part of the age of the youngest, or `FIRST`."""

ABOUT = 1.01
"""Sessions that were proven together are not checked in the same moment: ages that are so near count as the same."""

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

    __slots__ = ("_calm", "_deaths", "_fear", "_settled_at", "_survived", "oldest_alive", "told")

    def __init__(self) -> None:
        """Know nothing.

        `oldest_alive` is the largest age after which a session was alive, on the path as it is; `told` is the limit
        that the user was told of last.
        """
        self.oldest_alive = 0.0
        self.told = math.inf
        self._survived = 0.0  # the largest such age below the one that is feared
        self._deaths: list[float] = []
        self._fear = math.inf
        self._settled_at = -math.inf
        self._calm = 0

    def lived(self, age: float) -> None:
        """Note a session that was alive after so long; no death at about that age or below meant what it seemed to."""
        self.oldest_alive = max(self.oldest_alive, age)
        self._survived = max(self._survived, age)
        self._deaths = [death for death in self._deaths if death > age * ABOUT]
        if self._fear <= age * ABOUT:
            self._fear = math.inf

    def passed(self, age: float) -> None:
        """Note a session that a check found alive after so long."""
        self.lived(age)
        self._calm += 1

    def died_idle(self, age: float, proven_at: float, settled_at: float) -> None:
        """Note a session that was dead after so long, when it had been proven, and when things will have settled.

        Deaths of sessions that were proven before that may all have one cause; they count as one.
        """
        self._calm = 0
        if proven_at >= self._settled_at:
            self._deaths = [*self._deaths[1 - WITNESSES :], age]
            self._settled_at = settled_at
        elif self._deaths:
            self._deaths[-1] = min(self._deaths[-1], age)
        self._forget_survivors()
        if self.oldest_alive >= self.drops_from:  # that was before the path changed
            self.oldest_alive = 0.0

    def died_in_use(self, age: float) -> None:
        """Note a session that died in use, that long after its last proof: it need not have been idle for so long.

        So it is feared like a death, but bears no witness.
        """
        self._calm = 0
        self._fear = min(self._fear, age)
        self._forget_survivors()

    def _forget_survivors(self) -> None:
        """What was survived at an age that is feared now counts no more, until that fear is refuted."""
        if self._survived >= self.feared:
            self._survived = 0.0

    @property
    def drops_from(self) -> float:
        """The idle age from which sessions are dropped; infinity while that is not known."""
        return max(self._deaths) if len(self._deaths) == WITNESSES else math.inf

    @property
    def feared(self) -> float:
        """The smallest idle age at which a session died, if that was not refuted; infinity if there is none."""
        return min([*self._deaths, self._fear])

    @property
    def interval(self) -> float:
        """The longest ping interval that nothing speaks against."""
        if self.feared == math.inf:
            return min(max(self.oldest_alive, FIRST), LONGEST)
        return min(max(self._survived, min(self.feared * CAUTION, FIRST), SHORTEST), LONGEST)

    @property
    def trial(self) -> float:
        """The idle age to try next, on one session; the interval itself if there is nothing to try."""
        interval, feared = self.interval, self.feared
        if feared == math.inf:
            return min(interval * GROWTH, LONGEST)
        if feared > interval * CLOSE:
            return min((interval + feared) / 2, LONGEST)
        is_certain = self.drops_from <= feared * CLOSE
        return min(feared, LONGEST) if self._calm >= (CALM if is_certain else SOON) else interval
