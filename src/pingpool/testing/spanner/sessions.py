"""How long a Cloud Spanner session lives. Pure rules on a clock that is told; no network, no lock.

An ordinary session dies when it is deleted, when nothing used it for more than an hour, or when it is older than 28
days. A session that is inside a call is not idle. Looking at a session (GetSession) is not using it: only statements
and transactions are promised to keep it alive. A multiplexed session never idles to death and may be used by many at
once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

IDLE_LIMIT = 3600.0
AGE_LIMIT = 28 * 24 * 3600.0


class ToldClock(Protocol):
    """Seconds that pass only when they are told to, such as `pingpool.testing.Clock`."""

    def now(self) -> float:
        """Seconds since some beginning."""
        ...

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        ...


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
    """The transaction of every call that is inside this session now; empty bytes for a call outside of any."""

    @property
    def database(self) -> str:
        """The full name of its database."""
        return self.name.partition("/sessions/")[0]

    def is_alive(self, now: float) -> bool:
        """Is its time not over yet?"""
        if now - self.created_at > AGE_LIMIT:
            return False
        return self.multiplexed or bool(self.transactions_running) or now - self.last_used_at <= IDLE_LIMIT


class Sessions:
    """All sessions of one server. Whoever is dead by the clock is gone before anybody looks."""

    def __init__(self, clock: ToldClock, expected_labels: Mapping[str, str], expected_role: str) -> None:
        self.violations: list[str] = []
        self._clock = clock
        self._expected_labels = dict(expected_labels)
        self._expected_role = expected_role
        self._by_name: dict[str, Session] = {}
        self._numbers = count(1)

    def create(self, database: str, *, labels: Mapping[str, str], creator_role: str, multiplexed: bool) -> Session:
        """A new session, fresh from now on."""
        now = self._clock.now()
        name = f"{database}/sessions/{next(self._numbers)}"
        session = Session(name, dict(labels), creator_role, multiplexed, created_at=now, last_used_at=now)
        self._by_name[name] = session
        if not multiplexed:
            self._note_what_is_missing(session)
        return session

    def get(self, name: str) -> Session | None:
        """The session of that name, if it is alive."""
        session = self._by_name.get(name)
        if session and not session.is_alive(self._clock.now()):
            del self._by_name[name]
            return None
        return session

    def alive(self) -> list[Session]:
        """Every living session, the oldest first."""
        return [session for name in list(self._by_name) if (session := self.get(name))]

    def delete(self, names: Iterable[str]) -> None:
        """End these sessions, as far as they are alive."""
        for name in names:
            self._by_name.pop(name, None)

    def enter(self, session: Session, method: str, transaction: bytes) -> None:
        """A call comes into the session. Two may only share a multiplexed session, or a transaction."""
        if not session.multiplexed and any(not other or other != transaction for other in session.transactions_running):
            self.violations.append(f"{method} came while another call was inside {session.name}")
        session.transactions_running.append(transaction)

    def leave(self, session: Session, transaction: bytes) -> None:
        """The call is over."""
        session.transactions_running.remove(transaction)

    def touch(self, name: str) -> None:
        """Something used the session: its hour of idleness begins anew."""
        self._by_name[name].last_used_at = self._clock.now()

    def _note_what_is_missing(self, session: Session) -> None:
        if self._expected_labels.items() - session.labels.items():
            self.violations.append(f"{session.name} was made with the labels {dict(session.labels)}")
        if self._expected_role not in ("", session.creator_role):
            self.violations.append(f"{session.name} was made with the role {session.creator_role!r}")
