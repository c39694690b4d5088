"""How long a Cloud Spanner session lives. Pure rules on a clock; no network, no lock.

An ordinary session dies when it is deleted, after an hour without use, or at 28 days. Inside a call it is in use.
GetSession is no use: only statements and transactions keep a session alive. A multiplexed session never dies of
idleness, and many may use it at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

IDLE_LIMIT = 3600.0
AGE_LIMIT = 28 * 24 * 3600.0


class ToldClock(Protocol):
    """A clock that is set by hand, such as `pingpool.testing.Clock`."""

    def now(self) -> float: ...

    def advance(self, seconds: float) -> None: ...


@dataclass
class Session:
    """One session as the server sees it. Times are seconds on the server's clock."""

    name: str
    labels: Mapping[str, str]
    creator_role: str
    multiplexed: bool
    created_at: float
    last_used_at: float
    transactions_running: list[bytes] = field(default_factory=list[bytes], repr=False)
    """The transaction of every call that is inside this session; empty bytes for none."""

    @property
    def database(self) -> str:
        return self.name.partition("/sessions/")[0]

    def is_alive(self, now: float) -> bool:
        if now - self.created_at > AGE_LIMIT:
            return False
        return self.multiplexed or bool(self.transactions_running) or now - self.last_used_at <= IDLE_LIMIT


class Sessions:
    """All sessions of one server. The dead are removed before anybody looks."""

    def __init__(self, clock: ToldClock, expected_labels: Mapping[str, str], expected_role: str) -> None:
        self.violations: list[str] = []
        self._clock = clock
        self._expected_labels = dict(expected_labels)
        self._expected_role = expected_role
        self._by_name: dict[str, Session] = {}
        self._numbers = count(1)

    def create(self, database: str, *, labels: Mapping[str, str], creator_role: str, multiplexed: bool) -> Session:
        now = self._clock.now()
        name = f"{database}/sessions/{next(self._numbers)}"
        session = Session(name, dict(labels), creator_role, multiplexed, created_at=now, last_used_at=now)
        self._by_name[name] = session
        if not multiplexed:
            self._note_what_is_missing(session)
        return session

    def get(self, name: str) -> Session | None:
        session = self._by_name.get(name)
        if session and not session.is_alive(self._clock.now()):
            del self._by_name[name]
            return None
        return session

    def alive(self) -> list[Session]:
        """Return all that are alive, oldest first."""
        return [session for name in list(self._by_name) if (session := self.get(name))]

    def delete(self, names: Iterable[str]) -> None:
        """Delete these sessions, if they are alive."""
        for name in names:
            self._by_name.pop(name, None)

    def enter(self, session: Session, method: str, transaction: bytes) -> None:
        """Note that a call begins in the session. Two at once are allowed in a multiplexed session, or in one
        transaction.
        """
        if not session.multiplexed and any(not other or other != transaction for other in session.transactions_running):
            self.violations.append(f"{method} came while another call was inside {session.name}")
        session.transactions_running.append(transaction)

    def leave(self, session: Session, transaction: bytes) -> None:
        """Note that the call has ended."""
        session.transactions_running.remove(transaction)

    def touch(self, name: str) -> None:
        """Note a use: the idle hour begins anew."""
        self._by_name[name].last_used_at = self._clock.now()

    def _note_what_is_missing(self, session: Session) -> None:
        if self._expected_labels.items() - session.labels.items():
            self.violations.append(f"{session.name} was made with the labels {dict(session.labels)}")
        if self._expected_role not in ("", session.creator_role):
            self.violations.append(f"{session.name} was made with the role {session.creator_role!r}")
