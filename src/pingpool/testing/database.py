"""A database that fails, hangs and loses sessions on demand.

database = FaultyDatabase()
with pingpool.open(database, size=3) as pool:
    database.kill_all()                      # idle sessions die silently
    with database.hanging("create"):         # opening one never ends
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
    """Sessions without a server. Every call is counted; each method may have one fault at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[str, Fault] = {}
        self._counting = threading.Lock()

    # What a test tells it

    def fail(self, call: str, error: Callable[[], BaseException] = Trouble, *, times: float = math.inf) -> None:
        """Let the next `times` calls of a method ("create", "ping", …) raise `error()`."""
        self._set(call, Failure(error, times))

    def recover(self) -> None:
        """End all faults."""
        self._faults.clear()

    @contextmanager
    def hanging(self, call: str, *, times: float = math.inf) -> Generator[None]:
        """Let the next `times` calls of a method hang until the block ends; then they go on."""
        fault = Hang(times)
        self._set(call, fault)
        try:
            yield
        finally:
            if self._faults.get(call) is fault:
                del self._faults[call]
            fault.end()

    def wait_for(self, call: str, count: int = 1, timeout: float = 10) -> None:
        """Wait, in real time, until a method was called `count` times in all.

        Raises:
            TimeoutError: it was not, within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while self.calls[call] < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{call} was called {self.calls[call]} times, not {count}")
            time.sleep(0.001)

    # What a pool asks it

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        self._meet("create")
        return self._open(labels)

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        self._meet("ping")
        session.use()

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        self._meet("delete")
        session.is_deleted = True

    def _asked(self, trait: str) -> None:
        self._meet(trait)

    def _set(self, call: str, fault: "Fault") -> None:
        self._refuse_unknown(call, Database)
        self._faults[call] = fault

    def _meet(self, call: str) -> None:
        with self._counting:
            self.calls[call] += 1
            fault = self._faults.get(call)
            meets_it = fault is not None and fault.spend()
        if fault is not None and meets_it:
            fault.strike()


class TransactionalDatabase(LeftOpen, FaultyDatabase):
    """A faulty database whose sessions have transactions, and can be looked at and aborted."""

    def reset(self, session: FakeSession, *, timeout: float) -> None:
        self._meet("reset")
        session.use()
        session.left_open = False

    def abort(self, session: FakeSession) -> None:
        self._meet("abort")


class Fault(ABC):
    """What happens to so many calls."""

    def __init__(self, times: float) -> None:
        self._left = times

    def spend(self) -> bool:
        """Return whether one more call is concerned."""
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
        raise self._error()


class Hang(Fault):
    """Holds calls at a gate."""

    def __init__(self, times: float) -> None:
        super().__init__(times)
        self._gate = threading.Event()

    def strike(self) -> None:
        self._gate.wait()

    def end(self) -> None:
        self._gate.set()
