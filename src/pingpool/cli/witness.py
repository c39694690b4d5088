"""The witness: stands between a pool and its database, and knows what became of every session.

A session is in hand from the pool's look at checkout until its holder lets go. A kill falls before or after that look,
never during it. So it is certain whether a dead session died in use, which no pool can help, or was dead when it was
given out, which no pool may do.

The witness also makes the database as slow as its venue says.
"""

import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeVar
from weakref import WeakKeyDictionary

from pingpool.cli.venue import Venue
from pingpool.database import Database, Meaning, S

R = TypeVar("R")


class Fate(Enum):
    """What became of a session."""

    ALIVE = "alive"
    KILLED_IDLE = "killed while the pool had it"
    KILLED_IN_USE = "killed in its holder's hands"


class Record:
    """What is known about one session."""

    __slots__ = ("fate", "in_hand", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.in_hand = False
        self.fate = Fate.ALIVE


class Witness(Database[S]):
    """The database of a venue, with a record of every session."""

    def __init__(self, venue: Venue[S]) -> None:
        self.database = venue.database
        self._end_unseen = venue.kill
        self._distance = venue.distance
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[S, Record] = WeakKeyDictionary()

    # What the demo asks

    def sessions(self) -> list[S]:
        with self._lock:
            return list(self._known)

    def let_go(self, session: S) -> None:
        """Note that the holder is about to give the session back."""
        record = self._of(session)
        with record.lock:
            record.in_hand = False

    def kill(self, session: S) -> Fate:
        """End the session behind the pool's back; its holder must not be inside a call."""
        record = self._of(session)
        with record.lock:
            if record.fate is Fate.ALIVE:
                record.fate = Fate.KILLED_IN_USE if record.in_hand else Fate.KILLED_IDLE
                self._end_unseen(session)
            return record.fate

    def kill_idle(self, session: S) -> bool:
        """End the session if it is alive and nobody holds it; return whether it was ended."""
        record = self._of(session)
        with record.lock:
            if record.in_hand or record.fate is not Fate.ALIVE:
                return False
            record.fate = Fate.KILLED_IDLE
            self._end_unseen(session)
            return True

    def sees_all_alive(self) -> bool:
        """Is no session left that was killed, and not ended since?"""
        return all(self.fate_of(session) is Fate.ALIVE for session in self.sessions())

    def fate_of(self, session: S) -> Fate:
        return self._of(session).fate

    # What the pool asks

    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        time.sleep(self._distance.handshake)
        session = self.database.create(labels=labels, timeout=timeout)
        with self._lock:
            self._known[session] = Record()
        return session

    def looks_alive(self, session: S) -> bool:
        """Look at a session that is being checked out; if it looks alive it is in hand from now on."""
        record = self._of(session)
        with record.lock:
            record.in_hand = self.database.looks_alive(session)
            return record.in_hand

    def descriptor_of(self, session: S) -> int | None:
        return self.database.descriptor_of(session)

    def ping(self, session: S, *, timeout: float) -> None:
        self._over_the_distance(self.database.ping, session, timeout)

    def configure(self, session: S, *, timeout: float) -> None:
        with self._of(session).lock:  # to close a connection of SQLite in the middle of a call would crash
            self.database.configure(session, timeout=timeout)

    def reset(self, session: S, *, timeout: float) -> bool | None:
        return self._over_the_distance(self.database.reset, session, timeout)

    def unlock(self, session: S, *, timeout: float) -> None:
        self._over_the_distance(self.database.unlock, session, timeout)

    def delete(self, session: S, *, timeout: float) -> None:
        with self._of(session).lock:
            self.database.delete(session, timeout=timeout)
        with self._lock:
            self._known.pop(session, None)

    def needs_reset(self, session: S) -> bool | None:
        with self._of(session).lock:
            return self.database.needs_reset(session)

    def survived_interrupt(self, session: S) -> bool:
        return self.database.survived_interrupt(session)

    def meaning_of(self, error: BaseException) -> Meaning:
        return self.database.meaning_of(error)

    def abort(self, session: S) -> None:
        self.database.abort(session)

    def __repr__(self) -> str:
        return repr(self.database)

    def _over_the_distance(self, call: Callable[..., R], session: S, timeout: float) -> R:
        time.sleep(self._distance.round_trip)
        with self._of(session).lock:
            return call(session, timeout=timeout)

    def _of(self, session: S) -> Record:
        with self._lock:
            return self._known.setdefault(session, Record())
