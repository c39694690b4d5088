"""The witness: stands between a pool and its database, and remembers what became of every session.

It is what makes the demo's verdict exact. A session is in somebody's hands from the look with which the pool checks
it out until its holder lets go of it. A kill falls before or after that look, never during it: both take the
session's own lock. So a worker that meets a dead session can be told for certain whether it died in its hands, which
no pool can help, or was dead when the pool gave it out, which no pool may do.

It also makes the database as slow as its venue wants it, so that there is something to see.
"""

import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from weakref import WeakKeyDictionary

from pingpool.cli.venue import Venue
from pingpool.database import Database, Meaning, S


class Fate(Enum):
    """How far a session has come."""

    ALIVE = "alive"
    KILLED_IDLE = "killed while the pool had it"
    KILLED_IN_USE = "killed in its holder's hands"


class Testimony:
    """What is known about one session."""

    __slots__ = ("fate", "in_hand", "lock")

    def __init__(self) -> None:
        """Start alive, in nobody's hands."""
        self.lock = threading.Lock()
        self.in_hand = False
        self.fate = Fate.ALIVE


class Witness(Database[S]):
    """The same database, watched."""

    def __init__(self, venue: Venue[S]) -> None:
        """Watch the database of this venue."""
        self.database = venue.database
        self._strike_down = venue.kill
        self._distance = venue.distance
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[S, Testimony] = WeakKeyDictionary()

    # What the demo asks.

    def sessions(self) -> list[S]:
        """Return every session that was opened and not yet ended, whoever has it."""
        with self._lock:
            return list(self._known)

    def let_go(self, session: S) -> None:
        """Note that the holder is about to give the session back."""
        testimony = self._of(session)
        with testimony.lock:
            testimony.in_hand = False

    def kill(self, session: S) -> Fate:
        """End the session behind the pool's back; its holder, if any, must not be using it at this moment."""
        testimony = self._of(session)
        with testimony.lock:
            if testimony.fate is Fate.ALIVE:
                testimony.fate = Fate.KILLED_IN_USE if testimony.in_hand else Fate.KILLED_IDLE
                self._strike_down(session)
            return testimony.fate

    def kill_idle(self, session: S) -> bool:
        """End the session unless somebody holds it or it is dead already; return whether it was ended."""
        testimony = self._of(session)
        with testimony.lock:
            if testimony.in_hand or testimony.fate is not Fate.ALIVE:
                return False
            testimony.fate = Fate.KILLED_IDLE
            self._strike_down(session)
            return True

    def fate_of(self, session: S) -> Fate:
        """Return what became of the session."""
        return self._of(session).fate

    # What the pool asks.

    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open a session, as slowly as over the venue's distance."""
        time.sleep(self._distance.handshake)
        session = self.database.create(labels=labels, timeout=timeout)
        with self._lock:
            self._known[session] = Testimony()
        return session

    def looks_alive(self, session: S) -> bool:
        """Look at a session that is being checked out; if it looks alive it is in somebody's hands from now on."""
        testimony = self._of(session)
        with testimony.lock:
            testimony.in_hand = self.database.looks_alive(session)
            return testimony.in_hand

    def ping(self, session: S, *, timeout: float) -> None:
        """Prove the session by a round trip."""
        self._over_the_distance(self.database.ping, session, timeout)

    def reset(self, session: S, *, timeout: float) -> None:
        """Undo what the last holder left open, by a round trip."""
        self._over_the_distance(self.database.reset, session, timeout)

    def delete(self, session: S, *, timeout: float) -> None:
        """End the session."""
        with self._of(session).lock:
            self.database.delete(session, timeout=timeout)
        with self._lock:
            self._known.pop(session, None)

    def needs_reset(self, session: S) -> bool:
        """Did the last holder leave something open?"""
        with self._of(session).lock:
            return self.database.needs_reset(session)

    def survived_interrupt(self, session: S) -> bool:
        """May the session be used again after an interrupt?"""
        return self.database.survived_interrupt(session)

    def meaning_of(self, error: BaseException) -> Meaning:
        """What does the error mean?"""
        return self.database.meaning_of(error)

    def abort(self, session: S) -> None:
        """Free a thread that hangs on the session."""
        self.database.abort(session)

    def __repr__(self) -> str:
        """Name what is watched."""
        return repr(self.database)

    def _over_the_distance(self, call: Callable[..., None], session: S, timeout: float) -> None:
        time.sleep(self._distance.round_trip)
        with self._of(session).lock:
            call(session, timeout=timeout)

    def _of(self, session: S) -> Testimony:
        with self._lock:
            return self._known.setdefault(session, Testimony())
