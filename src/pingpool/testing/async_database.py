"""A database for asyncio that fails, hangs and loses sessions on demand.

database = AsyncFaultyDatabase()
async with pingpool.open_async(database, size=3) as pool:
    database.kill_all()                      # idle sessions die silently
    with database.hanging("create"):         # opening one never ends
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
    """Sessions without a server. Every call is counted; each coroutine method may have one fault at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[str, Fault] = {}

    # What a test tells it

    def fail(self, call: str, error: Callable[[], BaseException] = Trouble, *, times: float = math.inf) -> None:
        """Let the next `times` calls of a coroutine method ("create", "ping", …) raise `error()`."""
        self._set(call, _Failure(error, times))

    def slow(self, call: str, seconds: float) -> None:
        """Let each call of a coroutine method take `seconds`."""
        self._set(call, _Delay(seconds))

    def _set(self, call: str, fault: "Fault") -> None:
        self._refuse_unknown(call, AsyncDatabase)
        self._faults[call] = fault

    def recover(self) -> None:
        """End all faults."""
        self._faults.clear()

    @contextmanager
    def hanging(self, call: str) -> Generator[None]:
        """Let calls of a coroutine method hang until the block ends; then they go on."""
        fault = _Hang()
        self._set(call, fault)
        try:
            yield
        finally:
            if self._faults.get(call) is fault:
                del self._faults[call]
            fault.gate.set()

    # What a pool asks it

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        await self._meet("create")
        return self._open(labels)

    async def ping(self, session: FakeSession, *, timeout: float) -> None:
        await self._meet("ping")
        session.use()

    async def delete(self, session: FakeSession, *, timeout: float) -> None:
        await self._meet("delete")
        session.is_deleted = True

    async def _meet(self, call: str) -> None:
        self.calls[call] += 1
        fault = self._faults.get(call)
        if fault is not None:
            await fault.strike()


class AsyncTransactionalDatabase(LeftOpen, AsyncFaultyDatabase):
    """A faulty database whose sessions have transactions, and can be looked at."""

    async def reset(self, session: FakeSession, *, timeout: float) -> None:
        await self._meet("reset")
        session.use()
        session.left_open = False


class Fault(Protocol):
    """What happens to calls."""

    async def strike(self) -> None:
        """Raise, hang, take time, or do nothing."""
        ...


class _Failure:
    def __init__(self, error: Callable[[], BaseException], times: float) -> None:
        self._error = error
        self._left = times

    async def strike(self) -> None:
        self._left -= 1
        if self._left >= 0:
            raise self._error()


class _Delay:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def strike(self) -> None:
        await asyncio.sleep(self._seconds)


class _Hang:
    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def strike(self) -> None:
        await self.gate.wait()
