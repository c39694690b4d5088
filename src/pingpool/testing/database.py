"""A database that fails, hangs and loses sessions on demand, to see what a pool, and the code around it, makes of that.

database = FaultyDatabase()
with pingpool.open(database, size=3) as pool:
    database.kill_all()                      # idle sessions die silently
    with database.hanging("create"):         # opening one takes for ever
        ...
    database.fail("ping", times=1)           # the next ping raises
"""

import itertools
import math
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from pingpool.database import Database


class SessionDied(Exception):
    """What using or pinging a dead session raises."""


class Trouble(Exception):
    """What a call raises that was told to fail: it says nothing about the session."""


class Forbidden(Exception):
    """What `create` raises when the database refuses for good."""


class FakeSession:
    """A session of a `FaultyDatabase`."""

    def __init__(self, number: int, labels: Mapping[str, str]) -> None:
        """Start alive."""
        self.number = number
        self.labels = dict(labels)
        self.is_alive = True
        self.is_deleted = False
        self.left_open = False

    def use(self) -> int:
        """Do something with the session: return its number.

        Raises:
            SessionDied: it is dead, or was deleted.
        """
        if not self.is_alive or self.is_deleted:
            raise SessionDied(f"session {self.number} was closed by the server")
        return self.number

    def __repr__(self) -> str:
        """Name the session."""
        return f"<FakeSession {self.number}>"


class FaultyDatabase(Database[FakeSession]):
    """Sessions without a server; every call is counted, and does as it is told.

    One fault at a time waits for the calls of each method; a new one takes the place of the old.
    """

    def __init__(self) -> None:
        """Start well."""
        self._sessions: weakref.WeakValueDictionary[int, FakeSession] = weakref.WeakValueDictionary()
        self.calls: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._faults: dict[str, Fault] = {}
        self._counting = threading.Lock()

    # What it is told.

    def kill(self, session: FakeSession) -> None:
        """Let the session die, and nobody know."""
        session.is_alive = False

    def kill_all(self) -> None:
        """Let every session die."""
        for session in self.sessions:
            self.kill(session)

    def fail(self, call: str, error: Callable[[], BaseException] = Trouble, *, times: float = math.inf) -> None:
        """Let the next `times` calls of a method ("create", "ping", …) raise what `error()` returns."""
        self._set(call, Failure(error, times))

    def recover(self) -> None:
        """Let every call from now on succeed."""
        self._faults.clear()

    @contextmanager
    def hanging(self, call: str, *, times: float = math.inf) -> Generator[None]:
        """Let the next `times` calls of a method hang until the block ends; then they go on as if nothing had been."""
        fault = Hang(times)
        self._set(call, fault)
        try:
            yield
        finally:
            if self._faults.get(call) is fault:
                del self._faults[call]
            fault.end()

    def wait_for(self, call: str, count: int = 1, timeout: float = 10) -> None:
        """Wait, in real time, until a method was called `count` times since the beginning.

        Raises:
            TimeoutError: it was not, within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while self.calls[call] < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{call} was called {self.calls[call]} times, not {count}")
            time.sleep(0.001)

    @property
    def sessions(self) -> list[FakeSession]:
        """The sessions that were opened, dead or alive, but for those that nobody holds any more."""
        held = (reference() for reference in self._sessions.valuerefs())
        return sorted((session for session in held if session is not None), key=lambda session: session.number)

    @property
    def live(self) -> list[FakeSession]:
        """The sessions that are open on the server."""
        return [session for session in self.sessions if session.is_alive and not session.is_deleted]

    # What a pool asks of it.

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session."""
        self._meet("create")
        session = FakeSession(next(self._numbers), labels)
        self._sessions[session.number] = session
        return session

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Prove it."""
        self._meet("ping")
        session.use()

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        """End it."""
        self._meet("delete")
        session.is_deleted = True

    def is_lost(self, error: BaseException) -> bool:
        """Tell by the class of the error."""
        self._meet("is_lost")
        return isinstance(error, SessionDied)

    def is_transient(self, error: BaseException) -> bool:
        """Tell by the class of the error."""
        self._meet("is_transient")
        return isinstance(error, Trouble)

    def is_fatal(self, error: BaseException) -> bool:
        """Tell by the class of the error."""
        self._meet("is_fatal")
        return isinstance(error, Forbidden)

    def is_down(self, error: BaseException) -> bool:
        """Tell by the class of the error: a `ConnectionRefusedError`."""
        self._meet("is_down")
        return super().is_down(error)

    def _set(self, call: str, fault: "Fault") -> None:
        """Have the fault wait for the calls of a method."""
        if getattr(type(self), call, None) is getattr(Database, call, None):
            raise ValueError(f"{type(self).__name__} has no method {call!r} of its own")
        self._faults[call] = fault

    def _meet(self, call: str) -> None:
        """Count the call, and meet the fault that waits for it."""
        with self._counting:
            self.calls[call] += 1
            fault = self._faults.get(call)
            meets_it = fault is not None and fault.spend()
        if fault is not None and meets_it:
            fault.strike()


class TransactionalDatabase(FaultyDatabase):
    """A faulty database whose sessions can be left open, looked at without a round trip, and aborted."""

    def glance(self, session: FakeSession) -> bool:
        """Look whether the session is alive."""
        self._meet("glance")
        return session.is_alive

    def needs_reset(self, session: FakeSession) -> bool:
        """Tell whether something was left open."""
        self._meet("needs_reset")
        return session.left_open

    def reset(self, session: FakeSession, *, timeout: float) -> None:
        """Undo it."""
        self._meet("reset")
        session.use()
        session.left_open = False

    def resync(self, session: FakeSession) -> bool:
        """Vouch for sessions in which nothing was left open."""
        self._meet("resync")
        return not session.left_open

    def abort(self, session: FakeSession) -> None:
        """Note that it was asked for."""
        self._meet("abort")


class Fault(ABC):
    """Something that waits for so many calls, and then lets the others pass."""

    def __init__(self, times: float) -> None:
        """Wait for `times` calls."""
        self._left = times

    def spend(self) -> bool:
        """Return whether one more call meets the fault."""
        self._left -= 1
        return self._left >= 0

    @abstractmethod
    def strike(self) -> None:
        """Raise, or hang."""


class Failure(Fault):
    """Raises."""

    def __init__(self, error: Callable[[], BaseException], times: float) -> None:
        """Keep what to raise."""
        super().__init__(times)
        self._error = error

    def strike(self) -> None:
        """Raise it."""
        raise self._error()


class Hang(Fault):
    """Holds calls at a gate."""

    def __init__(self, times: float) -> None:
        """Start with the gate shut."""
        super().__init__(times)
        self._gate = threading.Event()

    def strike(self) -> None:
        """Wait until the gate opens."""
        self._gate.wait()

    def end(self) -> None:
        """Open the gate for good."""
        self._gate.set()
