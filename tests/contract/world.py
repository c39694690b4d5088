"""A world in which the contract must hold: what a case is given.

A case is written once, as a coroutine. It asks its `World` for pools whose calls can be awaited, whatever the pool
itself does: in the world of threads each `get` waits in a thread of its own. Time is told, and calls to the database
are held at gates, so nothing happens by chance; where a case waits for something, it waits until it has happened.

The worlds there are stand in `worlds`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import pytest

from pingpool import Holder, Stats
from pingpool.testing import Clock, FakeSession, FaultyDatabase, equip

T = TypeVar("T")


class Block(Protocol):
    """What `session()` returns."""

    async def __aenter__(self) -> FakeSession: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Pool(Protocol):
    """A pool of any world: the words of the contract. What may have to wait is awaited.

    What was lent is held until it is put, or until `drop` lets go of it.
    """

    bare: Any
    """The pool itself."""
    name: str
    size: int
    default_timeout: float | None
    ping_interval: float
    labels: Any

    async def bind(self, database: Any, **named: Any) -> None: ...
    async def wait(self, *timeout: Any, **named: Any) -> None: ...
    async def get(self, *timeout: Any, **named: Any) -> FakeSession: ...
    async def put(self, session: Any) -> None: ...
    async def discard(self, session: Any) -> None: ...
    async def detach(self, session: Any) -> None: ...
    async def renew(self, *timeout: Any) -> bool: ...
    def drop(self, number: int) -> None: ...
    async def ping(self) -> int: ...
    async def check(self, *timeout: Any) -> float: ...
    def holders(self) -> list[Holder]: ...
    async def keep_alive(self) -> None: ...
    async def clear(self) -> None: ...
    async def close(self, *timeout: Any) -> None: ...
    def session(self, *timeout: Any) -> Block: ...
    def stats(self) -> Stats: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class World(ABC):
    """A clock, a database, and pools that live by them. Leaving it checks that every slot is accounted for."""

    Empty: type[Exception]
    """What callers of this world's queues expect of `get`."""
    Full: type[Exception]
    """What callers of this world's queues expect of `put`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.database = FaultyDatabase()
        self.pools: list[Pool] = []

    @abstractmethod
    def make(self, *args: Any, **options: Any) -> Pool:
        """Make a pool of this world."""

    @abstractmethod
    async def let_keeper_look(self, pool: Pool) -> None:
        """Wait until its keeper has looked, if it was to look by now."""

    # What cases say.

    def pool(self, *args: Any, **options: Any) -> Pool:
        """Make an unbound pool that lives by the world's clock."""
        pool = equip(self.make(*args, **options), clock=self.clock)
        self.pools.append(pool)
        return pool

    async def open(self, database: FaultyDatabase | None = None, **options: Any) -> Pool:
        """Make a pool of two sessions and a minute's interval, unless told otherwise, and bind it.

        A database that is given becomes that of the world.
        """
        self.database = database or self.database
        pool = self.pool(**{"size": 2, "ping_interval": 60, **options})
        await pool.bind(self.database)
        return pool

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until this has come true; the case is given up if it never does."""
        while not condition():
            await asyncio.sleep(0.0005)  # the pool's threads are real, whatever the clock is told

    async def seen(self, call: str, count: int) -> None:
        """Wait until the database has met so many calls of this kind."""
        await self.until(lambda: self.database.calls[call] >= count)

    async def rest(self) -> None:
        """Wait until no pool is at work for any of its slots."""
        await self.until(lambda: not any(at_work(pool.stats()) for pool in self.pools))

    async def advance(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass in steps, and let what it brings about come to rest after each."""
        await self.rest()
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 1e-9:
            self.clock.advance(min(step, left))
            await self.rest()

    async def pass_time_until(self, call: asyncio.Task[T], step: float = 1.0) -> T:
        """Let time pass, though calls to the database hang, until a call of the pool comes back."""
        for _ in range(200):
            await asyncio.wait([call], timeout=0.01)  # real time, for what the last step brought about
            if call.done():
                return call.result()
            self.clock.advance(step)
        raise AssertionError(f"the call never ended: {[pool.stats() for pool in self.pools]!r:.2000}")

    async def line_up(self, pool: Pool, *timeouts: float | None) -> list[asyncio.Task[FakeSession]]:
        """Have callers wait for a session, one behind the other."""
        line: list[asyncio.Task[FakeSession]] = []
        for timeout in timeouts:
            longer = partial(is_longer, pool, pool.stats().waiting)
            line.append(start(pool.get(timeout)))
            await self.until(longer)
        return line

    async def heal(self, pool: Pool) -> None:
        """Give the pool a well database and time, and see every slot that is not lent live again."""
        self.database.recover()
        lent = pool.stats().in_use
        for _ in range(100):
            await self.advance(1)
            await pool.ping()
            if pool.stats().idle + lent == pool.size:
                break
        found = [await pool.get(5) for _ in range(pool.stats().idle)]
        assert len(found) + lent == pool.size, f"slots were lost: {pool.stats()!r}"
        for session in found:
            session.use()
            await pool.put(session)

    # Its beginning and end.

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.recover()
        for pool in self.pools:
            await pool.close(0)
        if error is None:
            await self.rest()  # a close whose time is up would be told of in the middle of the next case
            for pool in self.pools:
                await self.until(partial(is_in_order, pool))
        self.clock.advance(86_400)  # whoever still waits for a time may go


def said_by(pool: Pool, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log has of this pool; what pools of other tests say at their end is theirs."""
    return [record.getMessage() for record in caplog.records if getattr(record, "pool", None) == pool.name]


def start(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Have a call go on by itself."""
    return asyncio.create_task(call)


def at_work(stats: Stats) -> int:
    """How many slots the pool is at work for."""
    return stats.creating + stats.checking + stats.resetting + stats.closing


def is_longer(pool: Pool, waiting: int) -> bool:
    """Do more callers wait than so many?"""
    return pool.stats().waiting > waiting


def is_in_order(pool: Pool) -> bool:
    """Do its figures add up?"""
    return adds_up(pool.stats())


def adds_up(stats: Stats) -> bool:
    """Is every slot in exactly one state?"""
    return at_work(stats) + stats.idle + stats.in_use + stats.vacant == stats.size
