"""A database that fails, hangs and loses sessions on demand, to see what a pool, and the code around it, makes of that.

database = FaultyDatabase()
with pingpool.open(database, size=3) as pool:
    database.kill_all()                      # idle sessions die silently
    with database.hanging("create"):         # opening one takes for ever
        ...
    database.fail("ping", times=1)           # the next ping raises
"""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from pingpool.database import Database
from pingpool.testing.fake import Fake, FakeSession, LeftOpen, Trouble


class FaultyDatabase(Fake, Database[FakeSession]):
    """Sessions without a server; every call is counted, and does as it is told.

    One fault at a time waits for the calls of each method; a new one takes the place of the old.
    """

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[str, Fault] = {}
        self._counting = threading.Lock()

    # What it is told.

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

    # What a pool asks of it.

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session."""
        self._meet("create")
        return self._open(labels)

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Prove it."""
        self._meet("ping")
        session.use()

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        """End it."""
        self._meet("delete")
        session.is_deleted = True

    def _asked(self, trait: str) -> None:
        self._meet(trait)

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


class TransactionalDatabase(LeftOpen, FaultyDatabase):
    """A faulty database whose sessions can be left open, looked at without a round trip, and aborted."""

    def reset(self, session: FakeSession, *, timeout: float) -> None:
        """Undo what was left open."""
        self._meet("reset")
        session.use()
        session.left_open = False

    def abort(self, session: FakeSession) -> None:
        """Note that it was asked for."""
        self._meet("abort")


class Fault(ABC):
    """Something that waits for so many calls, and then lets the others pass."""

    def __init__(self, times: float) -> None:
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
        super().__init__(times)
        self._error = error

    def strike(self) -> None:
        """Raise it."""
        raise self._error()


class Hang(Fault):
    """Holds calls at a gate."""

    def __init__(self, times: float) -> None:
        super().__init__(times)
        self._gate = threading.Event()

    def strike(self) -> None:
        """Wait until the gate opens."""
        self._gate.wait()

    def end(self) -> None:
        """Open the gate for good."""
        self._gate.set()
