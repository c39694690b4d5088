"""A pool belongs to one event loop: what it says in another one, and what its callers meet there."""

import asyncio
import os
import threading
from typing import Any

import pytest

import pingpool
from pingpool import AsyncPingingPool, PoolClosed, PoolTimeout
from pingpool.errors import BoundElsewhere, WrongLoop
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import Stuck, VirtualLoop, run


def test_a_pool_may_be_created_outside_a_loop() -> None:
    """Created, and told to keep alive, before any loop runs, a pool goes to work in the loop it is first used in."""
    pool: AsyncPingingPool[FakeSession] = AsyncPingingPool(2, ping_interval=60)
    pool.keep_alive()

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with pool:
            await pool.bind(database)
            await asyncio.sleep(600)
            assert database.calls["ping"] > 10
            assert pool.stats().idle == 2

    run(main())


def test_a_pool_that_is_being_filled_belongs_to_its_database_already() -> None:
    """Of two databases that are bound at once the first is taken, and the second hears of it."""

    async def main() -> None:
        async with AsyncPingingPool[FakeSession](2) as pool:
            first = asyncio.create_task(pool.bind(AsyncFaultyDatabase()))
            await asyncio.sleep(0)
            with pytest.raises(BoundElsewhere):
                await pool.bind(AsyncFaultyDatabase())
            await first

    run(main())


def test_another_loop_is_told_at_once() -> None:
    """In every call that would need the pool's own loop, another loop gets a clear error: also once that is closed."""
    pool: AsyncPingingPool[FakeSession] = AsyncPingingPool(1)

    async def first() -> FakeSession:
        await pool.bind(AsyncFaultyDatabase())
        return await pool.get()

    async def second() -> None:
        with pytest.raises(WrongLoop, match="closed: make a new pool"):
            await pool.get()
        with pytest.raises(WrongLoop):
            await pool.put(session)
        with pytest.raises(WrongLoop):
            await pool.ping()
        with pytest.raises(WrongLoop):
            await pool.clear()
        with pytest.raises(WrongLoop):
            await pool.close()
        with pytest.raises(WrongLoop):
            async with pool.session():
                pytest.fail("there is no session for this loop")
        assert pool.stats().in_use == 1

    session = asyncio.run(first())
    asyncio.run(second())
    pool._desk.ledger.closed = True  # pyright: ignore[reportPrivateUsage] (nobody can close it any more)


def test_a_loop_in_another_thread_is_told_at_once() -> None:
    """Also while the pool's own loop is running, in another thread."""

    async def main() -> None:
        async with pingpool.open_async(AsyncFaultyDatabase(), size=1) as pool:

            async def elsewhere() -> None:
                with pytest.raises(WrongLoop, match="not to this one"):
                    await pool.get()

            thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
            thread.start()
            await asyncio.to_thread(thread.join)

    asyncio.run(main())


def test_errors_are_those_of_both_kinds_of_queues() -> None:
    """What get and put raise is caught by the names of asyncio's queues, of `queue`'s, and of this package."""

    async def main() -> None:
        async with pingpool.open_async(AsyncFaultyDatabase(), size=1, max_waiters=0) as pool:
            session = await pool.get()
            with pytest.raises(asyncio.QueueEmpty) as empty:
                await pool.get()
            assert isinstance(empty.value, pingpool.errors.TooManyWaiters)
            await pool.put(session)
            with pytest.raises(asyncio.QueueFull) as full:
                await pool.put(session)
            assert isinstance(full.value, pingpool.errors.AlreadyReturned)

    run(main())


def test_a_fresh_session_does_not_suspend() -> None:
    """`get`, `put` and a whole block run to their end in the very step in which they began."""

    async def main() -> None:
        async with pingpool.open_async(AsyncFaultyDatabase(), size=1) as pool:
            get = pool.get()
            with pytest.raises(StopIteration) as got:
                get.send(None)
            with pytest.raises(StopIteration):
                pool.put(got.value.value).send(None)

    run(main())


def test_a_callback_of_the_loop_may_borrow_a_session() -> None:
    """Where nothing can be awaited, `get_nowait` and `put_nowait` serve: also when there is none."""

    async def main() -> None:
        async with pingpool.open_async(AsyncFaultyDatabase(), size=1) as pool:
            told = asyncio.get_running_loop().create_future()

            def borrow() -> None:
                session = pool.get_nowait()
                with pytest.raises(PoolTimeout):
                    pool.get_nowait()
                pool.put_nowait(session)
                told.set_result(session)

            asyncio.get_running_loop().call_soon(borrow)
            assert await told is await pool.get()

    run(main())


def test_one_timer_serves_all_who_wait() -> None:
    """However many wait, for however different times, the loop holds one timer of the pool, and each ends in time."""

    async def main() -> None:
        async with AsyncPingingPool[FakeSession](1) as pool:
            await pool.bind(AsyncFaultyDatabase())
            held = await pool.get()
            loop = asyncio.get_running_loop()
            start, ends = loop.time(), {}

            async def wait(seconds: float) -> None:
                with pytest.raises(PoolTimeout):
                    await pool.get(seconds)
                ends[seconds] = loop.time() - start

            waits = [(number * 7919 % 100 + 1) / 10 for number in range(100)]
            tasks = [asyncio.create_task(wait(seconds)) for seconds in waits]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            scheduled: Any = vars(loop)["_scheduled"]  # what asyncio itself goes by; nothing public tells
            timers = [timer for timer in scheduled if not timer.cancelled()]
            assert len(timers) == 1
            await asyncio.gather(*tasks)
            assert all(seconds <= end < seconds + 0.001 for seconds, end in ends.items())
            await pool.put(held)

    run(main())


def test_tasks_say_what_they_do() -> None:
    """The names of the pool's tasks hold its own name and what they are about."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        database.slow("create", 1)
        async with AsyncPingingPool[FakeSession](1, name="shop") as pool:
            bound = asyncio.create_task(pool.bind(database))
            await asyncio.sleep(0.5)
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert "shop: create a session" in names
            await bound
            pool.keep_alive()
            assert "shop: keeper" in {task.get_name() for task in asyncio.all_tasks()}

    run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_starts_empty() -> None:
    """In a child the pool belongs to no loop yet; it creates its own sessions, and ends none of the parent's."""

    async def parent() -> AsyncPingingPool[FakeSession]:
        return await pingpool.open_async(database, size=2, wait_for=None)

    async def child() -> None:
        assert pool.stats().idle == 0
        async with pool.session() as session:
            assert session.number > 2
        await pool.close()
        assert not any(session.is_deleted for session in database.sessions[:2])

    database = AsyncFaultyDatabase()
    loop = asyncio.new_event_loop()
    pool = loop.run_until_complete(parent())
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(child())
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    loop.run_until_complete(pool.close())
    loop.close()


def test_a_closed_pool_says_so() -> None:
    """After closing, those who waited and those who come are told; what is lent is deleted when it comes back."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        pool = await pingpool.open_async(database, size=1)
        session = await pool.get()
        waiting = asyncio.create_task(pool.get())
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(PoolClosed):
            await waiting
        with pytest.raises(PoolClosed):
            await pool.get()
        await pool.put(session)
        await asyncio.sleep(1)
        assert session.is_deleted

    run(main())


def test_a_virtual_loop_says_when_it_is_stuck() -> None:
    """A coroutine that waits for what will never happen ends with an error, and at once."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck):
        run(main())


def test_a_virtual_loop_sleeps_in_no_time() -> None:
    """Hours pass when nobody is at work, to the second; and the same things happen in the same order every time."""

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        start, order = loop.time(), list[int]()
        await asyncio.gather(*(late(order, number) for number in (3, 1, 2)))
        assert loop.time() - start == pytest.approx(3 * 3600)
        return order

    async def late(order: list[int], hours: int) -> None:
        await asyncio.sleep(hours * 3600)
        order.append(hours)

    assert run(main()) == run(main()) == [1, 2, 3]
