"""The database that fails on demand, for asyncio: the same words, and sessions of the same kind.

database = AsyncFaultyDatabase()
async with pingpool.open_async(database, size=3) as pool:
    database.kill_all()                      # idle sessions die silently
    with database.hanging("create"):         # opening one takes for ever
        ...
    database.fail("ping", times=1)           # the next ping raises
    database.slow("create", 0.5)             # each takes half a second of the loop's time
"""

import asyncio
import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from pingpool.database import AsyncDatabase
from pingpool.testing.fake import Fake, FakeSession, LeftOpen, Trouble


class AsyncFaultyDatabase(Fake, AsyncDatabase[FakeSession]):
    """Sessions without a server; every call is counted, and each coroutine method does as it is told.

    One fault at a time waits for the calls of each method; a new one takes the place of the old.
    """

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[str, Fault] = {}

    # What it is told.

    def fail(self, call: str, error: Callable[[], BaseException] = Trouble, *, times: float = math.inf) -> None:
        """Let the next `times` calls of a coroutine method ("create", "ping", …) raise what `error()` returns."""
        self._faults[call] = _Failure(error, times)

    def slow(self, call: str, seconds: float) -> None:
        """Let each call of a coroutine method take so many seconds."""
        self._faults[call] = _Delay(seconds)

    def recover(self) -> None:
        """Let every call from now on succeed at once."""
        self._faults.clear()

    @contextmanager
    def hanging(self, call: str) -> Generator[None]:
        """Let calls of a coroutine method hang until the block ends; then they go on as if nothing had been."""
        fault = _Hang()
        self._faults[call] = fault
        try:
            yield
        finally:
            if self._faults.get(call) is fault:
                del self._faults[call]
            fault.gate.set()

    # What a pool asks of it.

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session."""
        await self._meet("create")
        return self._open(labels)

    async def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Prove it."""
        await self._meet("ping")
        session.use()

    async def delete(self, session: FakeSession, *, timeout: float) -> None:
        """End it."""
        await self._meet("delete")
        session.is_deleted = True

    async def _meet(self, call: str) -> None:
        """Count the call, and meet the fault that waits for it."""
        self.calls[call] += 1
        fault = self._faults.get(call)
        if fault is not None:
            await fault.strike()


class AsyncTransactionalDatabase(LeftOpen, AsyncFaultyDatabase):
    """A faulty database whose sessions can be left open, looked at without a round trip, and vouched for."""

    async def reset(self, session: FakeSession, *, timeout: float) -> None:
        """Undo what was left open."""
        await self._meet("reset")
        session.use()
        session.left_open = False


class Fault(Protocol):
    """Something that waits for calls."""

    async def strike(self) -> None:
        """Raise, or hang, or take time, or let the call go on."""
        ...


class _Failure:
    def __init__(self, error: Callable[[], BaseException], times: float) -> None:
        self._error = error
        self._left = times

    async def strike(self) -> None:
        """Raise, if there is something left to raise."""
        self._left -= 1
        if self._left >= 0:
            raise self._error()


class _Delay:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def strike(self) -> None:
        """Take time."""
        await asyncio.sleep(self._seconds)


class _Hang:
    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def strike(self) -> None:
        """Wait until the gate opens."""
        await self.gate.wait()
