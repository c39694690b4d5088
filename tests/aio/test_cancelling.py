"""Cancelled at every await: whatever is cancelled, and at whichever step, no session is lost and no cancel swallowed.

Every call to the database takes a few steps of the loop. A scenario is run once for each step n: its task is cancelled
there, must end as cancelled (unless it had ended), and then every slot must be live.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from pingpool import AsyncPingingPool
from pingpool.testing import FakeSession, SessionDied
from pingpool.testing.async_database import AsyncFaultyDatabase, AsyncTransactionalDatabase
from pingpool.testing.loop import run

STEPS = 3
"""How many rounds of the loop a call to the database takes."""

Pool = AsyncPingingPool[FakeSession]
Scenario = Callable[[Pool], Awaitable[object]]


class SteppingDatabase(AsyncTransactionalDatabase):
    """Each call takes some steps; a driver that is cancelled between them leaves nothing open on the server."""

    async def _meet(self, call: str) -> None:
        await super()._meet(call)
        for _ in range(STEPS):
            await asyncio.sleep(0)


async def settle() -> None:
    """Let everything that can happen now happen."""
    for _ in range(50):
        await asyncio.sleep(0)


# The scenarios. Each begins with a pool of two sessions, and holds none when it ends.


async def use_a_fresh_one(pool: Pool) -> None:
    """Get and put, in a block."""
    async with pool.session():
        await asyncio.sleep(0)


async def wait_in_line(pool: Pool) -> None:
    """Wait behind another who gives his session back a little later."""
    others = [await pool.get(), await pool.get()]
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: loop.call_soon(lambda: tasks.append(loop.create_task(give(others)))))
    tasks: list[asyncio.Task[None]] = []

    async def give(sessions: list[FakeSession]) -> None:
        for session in sessions:
            await pool.put(session)

    try:
        async with pool.session():
            await asyncio.sleep(0)
    finally:
        if not tasks:
            tasks.append(loop.create_task(give(others)))


async def use_an_overdue_one(pool: Pool) -> None:
    """Get a session that has to be checked first."""
    async with pool.session():
        await asyncio.sleep(0)


async def leave_something_open(pool: Pool) -> None:
    """Use a session so that it has to be reset, and get another while that is going on."""
    for _ in range(3):
        async with pool.session() as session:
            session.left_open = True
            await asyncio.sleep(0)


async def lose_the_session(pool: Pool) -> None:
    """Find the session dead."""
    try:
        async with pool.session() as session:
            session.is_alive = False
            session.use()
    except SessionDied:
        async with pool.session():
            await asyncio.sleep(0)


async def ping_all(pool: Pool) -> None:
    """Prove every session."""
    await pool.ping()


async def clear_and_bind(pool: Pool) -> None:
    """Empty the pool and fill it again."""
    database = pool._database  # pyright: ignore[reportPrivateUsage]
    await pool.clear()
    await pool.bind(database)


async def begin_gently(pool: AsyncPingingPool[FakeSession]) -> None:
    """Empty the pool, have it filled in the background, and wait until it is."""
    database = pool._database  # pyright: ignore[reportPrivateUsage]
    await pool.clear()
    await pool.bind(database, wait_for=1)
    await pool.wait()


SCENARIOS: Mapping[Any, float] = {
    use_a_fresh_one: 0,
    wait_in_line: 0,
    use_an_overdue_one: 61,
    leave_something_open: 0,
    lose_the_session: 0,
    ping_all: 61,
    clear_and_bind: 0,
    begin_gently: 0,
}
"""Each with the seconds that pass before it."""


async def cancel_at(scenario: Scenario, idle: float, step: int) -> bool:
    """Cancel the scenario at a step; return whether there was anything left to cancel."""
    database = SteppingDatabase()
    async with AsyncPingingPool[FakeSession](2, ping_interval=60) as pool:
        await pool.bind(database)
        await asyncio.sleep(idle)
        task = asyncio.ensure_future(scenario(pool))
        for _ in range(step):
            await asyncio.sleep(0)
        was_there = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or not was_there, "the cancel was swallowed"
        await settle()
        await pool.bind(database)
        stats = pool.stats()
        assert (stats.idle, stats.waiting) == (2, 0), f"cancelled at step {step}: {stats}"
        for session in [await pool.get(5), await pool.get(5)]:
            session.use()
            await pool.put(session)
        assert not pool._desk.ledger.rounds, "somebody who left is still waited for"
        assert len(database.live) == 2, "a session was left behind on the server"
    assert database.live == []
    return was_there


@pytest.mark.parametrize("scenario", list(SCENARIOS), ids=lambda scenario: scenario.__name__)
def test_a_cancel_at_any_step_loses_nothing(scenario: Scenario) -> None:
    """However far a caller of the pool had come when it was cancelled, afterwards every slot is live."""
    step = 0
    while run(cancel_at(scenario, SCENARIOS[scenario], step)):
        step += 1
    assert step > 0


def test_a_close_that_is_cancelled_at_any_step_closes_all_the_same() -> None:
    """Whoever is cancelled while closing leaves the rest to the workers: every session ends."""

    async def close(step: int) -> bool:
        database = SteppingDatabase()
        pool: Pool = AsyncPingingPool(2)
        await pool.bind(database)
        task = asyncio.ensure_future(pool.close())
        for _ in range(step):
            await asyncio.sleep(0)
        was_there = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or not was_there
        await settle()
        if step == 0:  # it had not begun
            await pool.close()
        assert database.live == []
        return was_there

    step = 0
    while run(close(step)):
        step += 1
    assert step > STEPS


def test_a_bind_of_a_pool_that_is_being_filled_may_be_cancelled() -> None:
    """Whoever binds once more, and is cancelled, stops nobody: the pool goes on filling itself."""

    async def main() -> None:
        database = SteppingDatabase()
        async with Pool(2) as pool:
            await pool.bind(database)
            dead = await pool.get()
            database.kill(dead)
            await pool.give_back(dead, SessionDied())
            task = asyncio.ensure_future(pool.bind(database))
            await asyncio.sleep(0)
            assert task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await settle()
            assert pool.stats().idle == 2

    run(main())


def test_a_bind_that_is_cancelled_at_any_step_leaves_nothing_behind() -> None:
    """A pool whose first fill is cancelled is empty, also on the server, and can be bound again."""

    async def bind(step: int) -> bool:
        database = SteppingDatabase()
        pool: Pool = AsyncPingingPool(2)
        task = asyncio.ensure_future(pool.bind(database))
        for _ in range(step):
            await asyncio.sleep(0)
        was_there = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or not was_there
        await settle()
        if was_there:
            assert (pool.stats().vacant, database.live) == (2, [])
        await pool.bind(database)
        assert (pool.stats().idle, len(database.live)) == (2, 2)
        await pool.close()
        return was_there

    step = 0
    while run(bind(step)):
        step += 1
    assert step > STEPS


def test_a_session_that_reaches_a_cancelled_caller_goes_to_the_next() -> None:
    """Cancelled in the same round of the loop in which its session came, a caller passes it on to the next in line."""

    async def main() -> None:
        async with AsyncPingingPool[FakeSession](1) as pool:
            await pool.bind(AsyncFaultyDatabase())
            session = await pool.get()
            line = [asyncio.create_task(pool.get()) for _ in range(3)]
            await asyncio.sleep(0)
            await pool.put(session)  # it is the first one's now, who does not know it yet
            line[0].cancel()
            line[1].cancel()  # in line still
            assert await line[2] is session
            assert line[0].cancelled()
            assert line[1].cancelled()
            await pool.put(session)

    run(main())


def test_a_creation_outlives_the_caller_that_caused_it() -> None:
    """A caller gives up while a session is being created for it; the session goes to the next in line."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with AsyncPingingPool[FakeSession](1) as pool:
            await pool.bind(database)
            session = await pool.get()
            database.slow("create", 1.0)
            await pool.give_back(session, SessionDied())
            first, second = asyncio.create_task(pool.get()), asyncio.create_task(pool.get())
            await asyncio.sleep(0.5)
            first.cancel()
            assert (await second).number == 2
            assert database.calls["create"] == 2
            await pool.put(second.result())

    run(main())


def test_timeouts_and_task_groups_behave() -> None:
    """`asyncio.timeout` around get ends in time; a task group whose member fails takes its session's block with it."""

    async def main() -> None:
        async with AsyncPingingPool[FakeSession](1) as pool:
            await pool.bind(AsyncFaultyDatabase())
            with pytest.raises(ExceptionGroup) as caught:
                async with asyncio.TaskGroup() as group:
                    group.create_task(hold(pool))
                    group.create_task(fail())
            assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
            await settle()
            assert pool.stats().replaced == {"tainted": 1}
            held = await pool.get()
            before = asyncio.get_running_loop().time()
            with pytest.raises(TimeoutError) as late:
                async with asyncio.timeout(2):
                    await pool.get()
            assert type(late.value) is TimeoutError
            assert asyncio.get_running_loop().time() - before == pytest.approx(2)
            await pool.put(held)
            assert pool.stats().idle == 1

    async def hold(pool: Pool) -> None:
        async with pool.session():
            await asyncio.sleep(60)

    async def fail() -> None:
        await asyncio.sleep(1)
        _ = 1 / 0

    run(main())


def test_a_database_that_raises_a_cancel_of_its_own_costs_one_job() -> None:
    """Some drivers raise CancelledError though nobody cancelled: that is a failure like any other."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with AsyncPingingPool[FakeSession](2, ping_interval=60) as pool:
            await pool.bind(database)
            database.fail("ping", asyncio.CancelledError, times=2)
            await asyncio.sleep(60)
            assert await pool.ping() == 0
            await settle()
            assert pool.stats().idle == 2

    run(main())


def test_a_driver_that_does_not_listen_to_a_cancel_costs_no_slot() -> None:
    """A call that overran and ignores its cancel is given up; what it brings at last is deleted."""

    class Deaf(AsyncFaultyDatabase):
        is_deaf = False

        async def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
            until = asyncio.get_running_loop().time() + 30 * self.is_deaf
            while asyncio.get_running_loop().time() < until:
                try:
                    await asyncio.sleep(until - asyncio.get_running_loop().time())
                except asyncio.CancelledError:
                    continue
            return await super().create(labels=labels, timeout=timeout)

    async def main() -> None:
        database = Deaf()
        async with AsyncPingingPool[FakeSession](1, io_timeout=1, workers=1) as pool:
            await pool.bind(database)
            database.is_deaf = True
            await pool.give_back(await pool.get(), SessionDied())
            await asyncio.sleep(2)
            database.is_deaf = False
            assert (await pool.get(5)).use()
            await asyncio.sleep(60)
            assert len(database.live) == 1
            assert pool.stats().overran >= 1

    run(main())


def test_a_dropped_session_is_noticed_while_others_wait() -> None:
    """A caller in line gets the slot of a session that its holder dropped, within a quarter of a second."""

    async def main() -> None:
        async with AsyncPingingPool[FakeSession](1) as pool:
            database = AsyncFaultyDatabase()
            await pool.bind(database)
            database.sessions.clear()
            session: Any = await pool.get()
            waiting = asyncio.create_task(pool.get())
            await asyncio.sleep(1)
            before = asyncio.get_running_loop().time()
            del session
            gc.collect()
            with pytest.warns(ResourceWarning, match=r"test_cancelling\.py:\d+\) was never put back"):
                await pool.put(await waiting)
            assert asyncio.get_running_loop().time() - before <= 0.251

    run(main())
