"""All sessions are held by tasks that wait for one more: the last to come is told at once. Nobody is told wrongly."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import pingpool
from pingpool import AsyncPingingPool
from pingpool.aio.abstract import AsyncCheckout
from pingpool.errors import PoolDeadlock
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import run

LIMIT = 60.0
"""Seconds after which a test is given up; a pool that sees no deadlock waits for ever here."""

Pool = AsyncPingingPool[FakeSession]


async def open_pool(size: int) -> Pool:
    """Open a pool whose `get` waits for ever."""
    return await pingpool.open_async(AsyncFaultyDatabase(), size=size, default_timeout=None)


async def in_line(pool: Pool, count: int) -> None:
    """Wait until so many tasks stand in line."""
    while pool.stats().waiting != count:
        await asyncio.sleep(0)


def test_the_last_of_a_nested_checkout_is_told_and_the_others_go_on() -> None:
    """Four tasks hold all four sessions by blocks, and each wants one more: one fails, with all places."""

    async def nest(pool: Pool, all_have_one: asyncio.Barrier) -> str:
        async with pool.session():
            await all_have_one.wait()
            try:
                async with pool.session():
                    return "served"
            except PoolDeadlock as error:
                return f"{error} {isinstance(error, asyncio.QueueEmpty)}"

    async def live() -> None:
        async with await open_pool(4) as pool, asyncio.timeout(LIMIT):
            all_have_one = asyncio.Barrier(4)
            told = sorted(await asyncio.gather(*[nest(pool, all_have_one) for _ in range(4)]), key=len)
            assert told[:3] == ["served"] * 3
            assert "held by aio/test_deadlocks.py:" in told[3]
            assert "waiting at aio/test_deadlocks.py:" in told[3]
            assert told[3].endswith("True")

    run(live())


def test_one_who_waits_for_himself_is_told() -> None:
    """A pool of one, and a `get` deep inside a block."""

    async def get_more(pool: Pool) -> FakeSession:
        return await pool.get()

    async def live() -> None:
        async with await open_pool(1) as pool, asyncio.timeout(LIMIT), pool.session():
            with pytest.raises(PoolDeadlock):
                await get_more(pool)

    run(live())


def test_sessions_that_are_handed_on_hold_nobody_up() -> None:
    """A task that gets sessions for others, and waits for one more, is served when they bring one back."""

    async def live() -> None:
        async with await open_pool(2) as pool, asyncio.timeout(LIMIT):
            first, second = await pool.get(), await pool.get()
            waiting = asyncio.ensure_future(pool.get())
            await in_line(pool, 1)
            await pool.put(first)
            assert await waiting is first
            await pool.put(first)
            await pool.put(second)

    run(live())


def test_a_block_in_a_generator_may_end_in_another_task() -> None:
    """A task that entered a block in a generator is not held up by it: another one ends it."""
    blocks: list[AsyncIterator[FakeSession]] = []

    async def dependency(pool: Pool) -> AsyncIterator[FakeSession]:
        async with pool.session() as session:
            yield session

    async def enter_and_wait(pool: Pool) -> str:
        block = dependency(pool)
        await anext(block)
        blocks.append(block)
        async with pool.session():
            return "served"

    async def live() -> None:
        async with await open_pool(1) as pool, asyncio.timeout(LIMIT):
            waiting = asyncio.ensure_future(enter_and_wait(pool))
            await in_line(pool, 1)
            assert await anext(blocks[0], None) is None
            assert await waiting == "served"

    run(live())


def test_the_tasks_that_hold_sessions_are_named() -> None:
    """As long as the function that got the session runs: of a sleeping task, and of the one that asks."""

    async def hold(pool: Pool, goes_on: asyncio.Event) -> None:
        session = await pool.get()
        await goes_on.wait()
        await pool.put(session)

    async def live() -> None:
        async with await open_pool(3) as pool, asyncio.timeout(LIMIT):
            goes_on = asyncio.Event()
            holding = asyncio.create_task(hold(pool, goes_on), name="holds\nmuch")
            own, lent = asyncio.current_task(), await pool.get()
            assert own is not None
            own.set_name("asks")
            given_on = await asyncio.create_task(pool.get(), name="gone")
            await asyncio.sleep(0)
            assert {name for place in pool.holders() for name in place.names} == {"holds\\nmuch", "asks"}
            goes_on.set()
            await holding
            await pool.put(lent)
            await pool.put(given_on)

    run(live())


def test_a_block_that_was_entered_by_hand_may_be_ended_elsewhere() -> None:
    """Whoever awaits `__aenter__` himself, and waits on in the same function, may have given the session away."""

    async def enter_and_wait(pool: Pool, given: list[AsyncCheckout[FakeSession]]) -> str:
        block = pool.session()
        await block.__aenter__()
        given.append(block)
        async with pool.session():
            return "served"

    async def live() -> None:
        async with await open_pool(1) as pool, asyncio.timeout(LIMIT):
            given: list[AsyncCheckout[FakeSession]] = []
            waiting = asyncio.ensure_future(enter_and_wait(pool, given))
            while not (pool.stats().waiting or waiting.done()):
                await asyncio.sleep(0)
            await given[0].__aexit__(None, None, None)
            assert await waiting == "served"

    run(live())
