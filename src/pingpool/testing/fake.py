"""What the fake databases of both worlds share: sessions that die silently, and errors whose class is their meaning."""

import itertools
import weakref
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pingpool.database import Meaning, Traits


class SessionDied(Exception):
    """A dead session was used or pinged."""


class Misplaced(Exception):
    """The node is no longer the right one."""


class Trouble(Exception):
    """A call was told to fail; that says nothing about the session."""


class Forbidden(Exception):
    """The database refuses for good."""


MEANINGS = {
    SessionDied: Meaning.LOST,
    Misplaced: Meaning.MISPLACED,
    Trouble: Meaning.TRANSIENT,
    Forbidden: Meaning.REFUSED,
}


class FakeSession:
    """A session without a server."""

    def __init__(self, number: int, labels: Mapping[str, str]) -> None:
        self.number = number
        self.labels = dict(labels)
        self.is_alive = True
        self.is_deleted = False
        self.left_open = False

    def use(self) -> int:
        """Use the session: return its number.

        Raises:
            SessionDied: it is dead, or was deleted.
        """
        if not self.is_alive or self.is_deleted:
            raise SessionDied(f"session {self.number} was closed by the server")
        return self.number

    def __repr__(self) -> str:
        return f"<FakeSession {self.number}>"


class Fake(Traits[FakeSession]):
    """A database whose sessions can be killed, and which counts its calls."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._sessions: weakref.WeakValueDictionary[int, FakeSession] = weakref.WeakValueDictionary()
        self._numbers = itertools.count(1)

    def kill(self, session: FakeSession) -> None:
        """Let the session die silently."""
        session.is_alive = False

    def kill_all(self) -> None:
        for session in self.sessions:
            self.kill(session)

    @property
    def sessions(self) -> list[FakeSession]:
        """The sessions that were opened and that somebody still holds, dead or alive."""
        held = (reference() for reference in self._sessions.valuerefs())
        return sorted((session for session in held if session is not None), key=lambda session: session.number)

    @property
    def live(self) -> list[FakeSession]:
        """The sessions that are open on the server."""
        return [session for session in self.sessions if session.is_alive and not session.is_deleted]

    def meaning_of(self, error: BaseException) -> Meaning:
        """Tell by the class of the error."""
        self._asked("meaning_of")
        known = (meaning for kind, meaning in MEANINGS.items() if isinstance(error, kind))
        return next(known, None) or super().meaning_of(error)

    def _refuse_unknown(self, call: str, kind: type[Any]) -> None:
        """Raise if this kind of database has no version of its own of a method: a fault in it would never strike."""
        if getattr(type(self), call, None) is getattr(kind, call, None):
            raise ValueError(f"{type(self).__name__} has no method {call!r} of its own")

    def _asked(self, trait: str) -> None:
        self.calls[trait] += 1

    def _open(self, labels: Mapping[str, str]) -> FakeSession:
        session = FakeSession(next(self._numbers), labels)
        self._sessions[session.number] = session
        return session


class LeftOpen(Fake):
    """One whose sessions have transactions, and can be looked at."""

    def looks_alive(self, session: FakeSession) -> bool:
        self._asked("looks_alive")
        return session.is_alive

    def needs_reset(self, session: FakeSession) -> bool | None:
        self._asked("needs_reset")
        return session.left_open

    def in_transaction(self, session: FakeSession) -> bool:
        self._asked("in_transaction")
        return bool(session.left_open)

    def survived_interrupt(self, session: FakeSession) -> bool:
        self._asked("survived_interrupt")
        return not session.left_open
