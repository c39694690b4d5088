"""The worlds in which the contract must hold: threads, and asyncio.

Another is added by writing its `make` and putting it into `WORLDS`; the cases stay as they are.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from operator import itemgetter
from types import TracebackType
from typing import Any, Self, TypeVar

from pingpool import AsyncPingingPool, Database, PingingPool
from pingpool.databases.in_threads import InThreads
from pingpool.pool.hooks import overrides
from pingpool.testing import Clock, FakeSession
from tests.contract.world import Block, Pool, World

T = TypeVar("T")


class ThreadWorld(World):
    """Threads: every call that may wait has one of its own; `put` must not wait, so it is called from the loop."""

    Empty = queue.Empty
    Full = queue.Full

    def make(self, *args: Any, **options: Any) -> Pool:
        """Make a pool whose calls run in threads."""
        return PoolOfThreads(PingingPool(*args, **options), self.call)

    async def let_keeper_look(self, pool: Pool) -> None:
        """Wait until the thread of the keepers sleeps until a time that has not come."""
        looks_at: dict[object, float] = pool.bare._keepers._looks
        await self.until(lambda: all(when > self.clock.now() for when in list(looks_at.values())))

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

    async def let_keeper_look(self, pool: Pool) -> None:
        """Let its task go on, which the clock has woken if it was to."""
        await self._let_tasks_run()

    async def rest(self) -> None:
        """Let every task that was woken go as far as it can, first."""
        await self._let_tasks_run()
        await super().rest()

    @staticmethod
    async def _let_tasks_run() -> None:
        for _ in range(10):
            await asyncio.sleep(0)


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
