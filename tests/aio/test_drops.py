"""A pool that nobody holds is collected, and its sessions are ended, also where it hangs together with what it uses."""

import asyncio
import gc
import math
import threading
import weakref
from contextvars import ContextVar

import pytest

import pingpool
from pingpool import AsyncPingingPool, Observer
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import run

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class KnowingObserver(Observer):
    """Knows the pool that it observes."""

    pool: AsyncPingingPool[FakeSession]


class KnowingDatabase(AsyncFaultyDatabase):
    """Knows the pool that is bound to it, as the client of Spanner does."""

    pool: AsyncPingingPool[FakeSession]


async def dropped(database: KnowingDatabase, ping_interval: float) -> "weakref.ref[AsyncPingingPool[FakeSession]]":
    """Keep a pool alive for a while that its database and its observer know, and drop all three."""
    observer = KnowingObserver()
    pool = await pingpool.open_async(
        database, size=3, wait_for=3, ping_interval=ping_interval, observer=observer, io_timeout=10
    )
    database.pool = observer.pool = pool
    pool.keep_alive()
    await asyncio.sleep(60)
    return weakref.ref(pool)


@pytest.mark.parametrize("ping_interval", [5, 3000])
def test_a_kept_pool_that_nobody_holds_is_collected(ping_interval: float) -> None:
    """Neither its keeper nor its timer holds it, however often it pings."""

    async def main() -> None:
        database = KnowingDatabase()
        gone = await dropped(database, ping_interval)
        sessions = database.live
        del database
        gc.collect()
        assert gone() is None
        await asyncio.sleep(1)
        assert [session.is_deleted for session in sessions] == [True, True, True]

    run(main())


def test_a_pool_that_another_thread_collects_is_ended_by_its_loop() -> None:
    """The garbage collector runs in whatever thread comes by."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        ring: list[object] = [await pingpool.open_async(database, size=2, wait_for=2)]
        ring.append(ring)
        sessions = database.live
        del ring
        collector = threading.Thread(target=gc.collect)
        collector.start()
        collector.join()
        await asyncio.sleep(1)
        assert [session.is_deleted for session in sessions] == [True, True]

    gc.disable()  # or this thread's might come first
    try:
        run(main())
    finally:
        gc.enable()


def test_the_end_of_a_session_takes_no_longer_though_nobody_holds_the_pool() -> None:
    """A call that hangs is given up in time, and the session that waits for its turn is ended."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        pool = await pingpool.open_async(database, size=2, wait_for=2, workers=1, io_timeout=10)
        sessions = database.live
        database.slow("delete", math.inf)
        del pool
        gc.collect()
        await asyncio.sleep(5)
        database.recover()
        await asyncio.sleep(6)
        assert [session.is_deleted for session in sessions] == [False, True]

    run(main())


class Request:
    """What somebody works for, as his context knows."""


request: ContextVar[Request] = ContextVar("request")


def test_nobody_keeps_the_context_of_whoever_caused_his_work() -> None:
    """Neither the keeper, nor the workers, nor the timer keeps it from him, though the pool goes on."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        pool: AsyncPingingPool[FakeSession] = AsyncPingingPool(2, io_timeout=1000)

        async def serve() -> "weakref.ref[Request]":
            request.set(Request())
            await pool.bind(database)
            pool.keep_alive()
            database.slow("ping", 100)
            with pytest.raises(pingpool.PoolTimeout):
                await pool.check(1)
            return weakref.ref(request.get())

        gone = await asyncio.create_task(serve())
        await asyncio.sleep(0)  # the loop itself holds a task until then
        gc.collect()
        assert gone() is None
        await pool.close()

    run(main())
