"""One stream of what happened in a pool, and those who listen to it: the log, and the user's observer.

Whatever happens is heard within a turn, where nothing may take long; so it is only noted there, in order. It
is told when the turn is over, by one at a time.
"""

from collections import deque
from collections.abc import Callable

from pingpool.core.told import (
    ENDED_FOR_GOOD,
    Lent,
    Made,
    NotMade,
    Recovered,
    Replaced,
    Reset,
    Returned,
    RolledBack,
    TimedOut,
    Told,
    TurnedAway,
)
from pingpool.observer import CallerObserver, Observer
from pingpool.pool.log import Log

MOST = 100_000
"""How many events are kept for an observer that does not come back; what is older is forgotten."""


class Telling:
    """Hears what happens in one pool, and tells it."""

    def __init__(self, pool: str, size: int) -> None:
        self._pool = pool
        self._log = Log(pool, size)
        self._told: deque[Told] = deque(maxlen=MOST)
        self._observer: Observer | None = None
        self._complain: Callable[[Exception], None] = _to_nobody
        self._places: set[object] = set()
        self._is_telling = False
        self.is_troubled = False

    def observe(self, observer: Observer, complain: Callable[[Exception], None]) -> None:
        """Tell an observer too; complain about its methods that raise."""
        self._observer = observer
        self._complain = complain

    @property
    def is_observed(self) -> bool:
        """Does anybody want to know of each use?"""
        return self._observer is not None

    @property
    def beside_callers(self) -> CallerObserver | None:
        """Who wants to be told in the caller's own thread or task too, if anybody does."""
        return self._observer if isinstance(self._observer, CallerObserver) else None

    @property
    def has_news(self) -> bool:
        """Is there anything that nobody was told of yet?"""
        return bool(self._told)

    def hear(self, event: Told) -> None:
        """Note what happened. What is told once for each line of a program is not noted again from the same place."""
        if isinstance(event, RolledBack):
            place = (event.site, event.instruction)
            if place in self._places:
                return
            self._places.add(place)
        elif isinstance(event, NotMade):
            self.is_troubled = True
        elif isinstance(event, Recovered):
            self.is_troubled = False
        self._told.append(event)

    def tell_all(self) -> None:
        """Tell what was heard. Whoever comes back here from within, since a listener uses the pool, need not."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._told:
                event = self._told.popleft()
                try:
                    self._log.hear(event)
                finally:  # also if the log is broken
                    self._tell_observer(event)
        finally:
            self._is_telling = False

    def _tell_observer(self, event: Told) -> None:
        if self._observer is not None:
            try:
                tell(self._observer, self._pool, event)
            except Exception as error:
                self._complain(error)


def tell(observer: Observer, pool: str, event: Told) -> None:
    """Call the method of the observer that is about this."""
    match event:
        case Made():
            observer.made(pool, event.took)
        case NotMade():
            observer.not_made(pool, event.error)
        case Lent():
            observer.lent(pool, event.waited)
        case Returned():
            observer.returned(pool, event.used_for, event.verdict)
        case Replaced():
            if event.why not in ENDED_FOR_GOOD:
                observer.replaced(pool, event.why, event.age, event.idle_for, event.used_for)
        case Reset():
            observer.reset(pool)
        case TurnedAway():
            observer.refused(pool)
        case TimedOut():
            observer.timed_out(pool, event.waited)
        case _:
            return


def _to_nobody(error: Exception) -> None:
    """Nobody observes, so nobody raises."""
