"""The worlds in which the contract must hold.

A case is written once, as a coroutine. It asks its `World` for pools whose calls can be awaited, whatever the pool
itself does: in the world of threads each `get` waits in a thread of its own. Time is told, and calls to the database
are held at gates, so nothing happens by chance; where a case waits for something, it waits until it has happened.

A second world is added by writing its `make` and putting it into `WORLDS`; the cases stay as they are.
"""

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from operator import itemgetter
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from pingpool import AsyncPingingPool, Database, Holder, PingingPool, Stats
from pingpool.databases.in_threads import InThreads
from pingpool.pool.outcome import overrides
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
            await asyncio.wait([call], timeout=0.005)  # real time, for what the last step brought about
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
        for pool in self.pools:
            await pool.close(0)
        self.clock.advance(86_400)  # whoever still waits for a time may go
        if error is None:
            for pool in self.pools:
                await self.until(partial(is_in_order, pool))


class ThreadWorld(World):
    """Threads: every call that may wait has one of its own; `put` must not wait, so it is called from the loop."""

    Empty = queue.Empty
    Full = queue.Full

    def make(self, *args: Any, **options: Any) -> Pool:
        """Make a pool whose calls run in threads."""
        return PoolOfThreads(PingingPool(*args, **options), self.call)

    @staticmethod
    async def call(function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call this in a thread of its own; one that never ends holds up nobody."""
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()  # from now on nobody takes back the question

        def run() -> None:
            try:
                answer.set_result(function(*args, **named))
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return await asyncio.wrap_future(answer)


class PoolOfThreads:
    """A `PingingPool` whose calls can be awaited. It sees to it that no session is ever in two hands."""

    def __init__(self, pool: PingingPool[FakeSession], call: Callable[..., Awaitable[Any]]) -> None:
        self.bare = pool
        self._call = call
        self._held: dict[int, FakeSession] = {}
        self.stats = pool.stats

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    async def bind(self, database: Any, **named: Any) -> None:
        await self._call(self.bare.bind, database, **named)

    async def wait(self, *timeout: Any, **named: Any) -> None:
        await self._call(self.bare.wait, *timeout, **named)

    async def get(self, *timeout: Any, **named: Any) -> FakeSession:
        session: FakeSession = await self._call(self.bare.get, *timeout, **named)
        assert session.number not in self._held, f"{session!r} is in two hands"
        self._held[session.number] = session
        return session

    async def put(self, session: Any) -> None:
        held = self._held.pop(getattr(session, "number", 0), None)
        try:
            self.bare.put(session)
        except Exception:
            if held is not None:
                self._held[held.number] = held
            raise

    async def discard(self, session: Any) -> None:
        self.bare.discard(session)
        self._held.pop(session.number, None)

    async def detach(self, session: Any) -> None:
        self.bare.detach(session)
        self._held.pop(session.number, None)

    async def renew(self, *timeout: Any) -> bool:
        renewed: bool = await self._call(self.bare.renew, *timeout)
        return renewed

    def drop(self, number: int) -> None:
        del self._held[number]

    async def ping(self) -> int:
        proved: int = await self._call(self.bare.ping)
        return proved

    async def check(self, *timeout: Any) -> float:
        took: float = await self._call(self.bare.check, *timeout)
        return took

    async def keep_alive(self) -> None:
        self.bare.keep_alive()

    async def clear(self) -> None:
        await self._call(self.bare.clear)

    async def close(self, *timeout: Any) -> None:
        await self._call(self.bare.close, *timeout)

    def session(self, *timeout: Any) -> Block:
        return BlockOfThreads(self.bare.session(*timeout), self._call)

    async def __aenter__(self) -> Self:
        self.bare.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._call(self.bare.__exit__, kind, error, trace)


class BlockOfThreads:
    """A `session()` block that can be entered without blocking the loop; its end must not block."""

    def __init__(self, block: Any, call: Callable[..., Awaitable[Any]]) -> None:
        self._block = block
        self._call = call

    async def __aenter__(self) -> FakeSession:
        session: FakeSession = await self._call(self._block.__enter__)
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)


class ToldClock(Clock):
    """A clock that also calls what was to be called at a time, from within `advance` or soon; told in the loop only."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[float, Callable[[], object]]] = []

    def call_at(self, when: float, call: Callable[[], object]) -> "Cancellable":
        entry = (when, call)
        self._calls.append(entry)
        if when <= self.now():
            asyncio.get_running_loop().call_soon(self._call_due)
        return Cancellable(self._calls, entry)

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._call_due()

    def _call_due(self) -> None:
        for entry in sorted((entry for entry in self._calls if entry[0] <= self.now()), key=itemgetter(0)):
            if entry in self._calls:
                self._calls.remove(entry)
                entry[1]()


class Cancellable:
    """Something that was to be called at a time."""

    def __init__(self, calls: list[Any], entry: Any) -> None:
        self._calls = calls
        self._entry = entry

    def cancel(self) -> None:
        if self._entry in self._calls:
            self._calls.remove(self._entry)


class AskedInThreads(InThreads[FakeSession]):
    """A database in threads that may vouch for an interrupted session: here the tasks use them, and no threads do."""

    def __init__(self, database: Database[FakeSession]) -> None:
        super().__init__(database)
        if overrides(database, "survived_interrupt"):
            self.__dict__["survived_interrupt"] = database.survived_interrupt


class AsyncWorld(World):
    """asyncio: the pool's own calls are awaited as they are; the databases of the cases run in threads."""

    Empty = asyncio.QueueEmpty
    Full = asyncio.QueueFull

    def __init__(self) -> None:
        super().__init__()
        self.clock: Clock = ToldClock()

    def make(self, *args: Any, **options: Any) -> Pool:
        """Make a pool of tasks."""
        return PoolOfTasks(AsyncPingingPool(*args, **options))

    async def rest(self) -> None:
        """Let every task that was woken go as far as it can, first."""
        for _ in range(10):
            await asyncio.sleep(0)
        await super().rest()


class PoolOfTasks:
    """An `AsyncPingingPool`. It sees to it that no session is ever in two hands."""

    def __init__(self, pool: AsyncPingingPool[FakeSession]) -> None:
        self.bare = pool
        self._held: dict[int, FakeSession] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    async def bind(self, database: Any, **named: Any) -> None:
        await self.bare.bind(AskedInThreads(database) if isinstance(database, Database) else database, **named)

    async def wait(self, *timeout: Any, **named: Any) -> None:
        await self.bare.wait(*timeout, **named)

    async def get(self, *timeout: Any, **named: Any) -> FakeSession:
        session = await self.bare.get(*timeout, **named)
        assert session.number not in self._held, f"{session!r} is in two hands"
        self._held[session.number] = session
        return session

    async def put(self, session: Any) -> None:
        held = self._held.pop(getattr(session, "number", 0), None)
        try:
            await self.bare.put(session)
        except Exception:
            if held is not None:
                self._held[held.number] = held
            raise

    def drop(self, number: int) -> None:
        del self._held[number]

    async def keep_alive(self) -> None:
        self.bare.keep_alive()

    async def __aenter__(self) -> Self:
        await self.bare.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.bare.__aexit__(kind, error, trace)


WORLDS: list[type[World]] = [ThreadWorld, AsyncWorld]
"""Where every case takes place."""


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


def next_ping_at(pool: Pool) -> float:
    """Return when `ping()` will have something to do, in the time of the pool's clock."""
    desk = pool.bare._desk
    when: float = desk.look(desk.ledger.keeping.next_due)
    return when
