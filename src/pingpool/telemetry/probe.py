"""The probe: sessions are left idle, and each is pinged once, at the age that the search asks for.

It never waits itself: it yields how long to wait, so that the caller may draw a picture, or a test set a clock.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, NamedTuple

from pingpool import clock
from pingpool.database import Database, Meaning, S
from pingpool.telemetry.idling import Finding, Search

PATIENCE = 10.0
"""Seconds that opening, pinging or ending one session may take."""

TICK = 0.001
"""Seconds: the shortest wait that is asked for."""

LABELS = {"app": "pingpool-probe"}
"""What the server's people see of the sessions."""


class NotOpened(Exception):
    """The database opens no session; the text and `__cause__` say why."""


class Sleeper(NamedTuple, Generic[S]):
    """An idle session: since when, and at what age in seconds it is pinged."""

    session: S
    since: float
    waking_age: float


class Probe(Generic[S]):
    """Tries the ages that a search wants, on sessions of one database. `now` tells the time in seconds."""

    def __init__(self, database: Database[S], search: Search, *, now: Callable[[], float] = clock.now) -> None:
        self.search = search
        self._database = database
        self._now = now
        self._began_at = now()
        self._sleepers: deque[Sleeper[S]] = deque()
        self._rounds_to_come = 0.0

    def run(self) -> Iterator[float]:
        """Do the whole search. Yields the seconds until the next step; 0 after each ping. Ends all sessions in any
        case.

        Raises:
            NotOpened: a session could not be opened.
        """
        while ages := self.search.next_round():
            try:
                self._rounds_to_come = self.search.later_rounds()
                self._open(ages)
                yield from self._prove_in_turn()
            finally:
                self._end_all()

    def elapsed(self) -> float:
        return self._now() - self._began_at

    def left(self) -> float:
        """Return how many seconds it may still take if no session dies early."""
        if not self._sleepers:
            return self._rounds_to_come
        return max(0.0, self._wait_for(self._sleepers[-1])) + self._rounds_to_come

    def _open(self, ages: list[float]) -> None:
        """Open a session for each age; the oldest first, so that the young are not late."""
        for age in reversed(ages):
            try:
                session = self._database.create(labels=LABELS, timeout=PATIENCE)
            except Exception as error:
                raise NotOpened(str(error).strip() or type(error).__name__) from error
            since = self._now()
            self._sleepers.appendleft(Sleeper(session, since, age))

    def _prove_in_turn(self) -> Iterator[float]:
        """Ping one session after the other until one is dead; the rest are older."""
        while self._sleepers:
            while (wait := self._wait_for(self._sleepers[0])) > 0:
                yield max(wait, TICK)
            finding = self._prove(self._sleepers[0])
            self.search.note(finding)
            self._end(self._sleepers.popleft())
            yield 0.0
            if finding.is_alive is False:
                return

    def _wait_for(self, sleeper: Sleeper[S]) -> float:
        return sleeper.waking_age - (self._now() - sleeper.since)

    def _prove(self, sleeper: Sleeper[S]) -> Finding:
        age = self._now() - sleeper.since
        try:
            self._database.ping(sleeper.session, timeout=PATIENCE)
        except Exception as error:
            return Finding(
                age, None if self._database.meaning_of(error) is Meaning.TRANSIENT else False, first_line_of(error)
            )
        return Finding(age, True)

    def _end_all(self) -> None:
        while self._sleepers:
            self._end(self._sleepers.popleft())

    def _end(self, sleeper: Sleeper[S]) -> None:
        with suppress(Exception):  # it may be dead
            self._database.delete(sleeper.session, timeout=PATIENCE)


def first_line_of(error: BaseException) -> str:
    """Return the first line of the error, or of its cause."""
    said = str(error.__cause__ or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
