"""Interrupts at every single point at which Python may raise them, in a loop that goes on afterwards."""

import asyncio
import gc
from collections.abc import Callable, Container, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from pingpool import AsyncPingingPool
from pingpool.aio.abstract import AsyncCheckout
from pingpool.testing import FakeSession, SessionDied
from pingpool.testing.async_database import AsyncFaultyDatabase, AsyncTransactionalDatabase
from pingpool.testing.loop import VirtualLoop
from tests.threads.bricks import Bricks
from tests.threads.checks import quick_collections
from tests.threads.strikes import EVERY, at, interrupt, last

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning"),
]

T = TypeVar("T")

Pool = AsyncPingingPool[FakeSession]
Story = Callable[[Pool], Coroutine[Any, Any, None]]


class AsyncBrickDatabase(Bricks, AsyncTransactionalDatabase):
    """One whose sessions take no weak references."""


async def get_and_put(pool: Pool) -> None:
    """Check out and in by hand."""
    await pool.put(await pool.get(1))


async def block(pool: Pool) -> None:
    """Use a session in a block that ends well."""
    async with pool.session(1) as session:
        session.use()


async def block_that_suspends(pool: Pool) -> None:
    """Use a session in a block that waits for something else."""
    async with pool.session(1):
        await asyncio.sleep(1)


async def block_with_a_death(pool: Pool) -> None:
    """Use a session in a block that finds it dead."""
    with suppress(SessionDied):
        async with pool.session(1) as session:
            session.is_alive = False
            session.use()


async def block_with_a_time_limit(pool: Pool) -> None:
    """Use a session in a block that is broken off."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1), pool.session(1):
            await asyncio.sleep(2)


async def hand_over(pool: Pool) -> None:
    """Check in while others stand in line."""

    async def hold() -> None:
        async with pool.session(10):
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for _ in range(pool.size + 2):
            group.create_task(hold())


async def put_what_is_left_open(pool: Pool) -> None:
    """Check in a session that has to be reset."""
    async with pool.session(1) as session:
        session.left_open = True


async def ping(pool: Pool) -> None:
    """Prove what is due."""
    await pool.ping()


async def check(pool: Pool) -> None:
    """Have a session proven."""
    await pool.check(5)


EVERYDAY: tuple[Story, ...] = (
    block,
    block_that_suspends,
    block_with_a_death,
    block_with_a_time_limit,
    hand_over,
    put_what_is_left_open,
    ping,
    check,
)


BEYOND_REACH = {at(AsyncCheckout.__aexit__, "session, self.session = self.session, None")}
"""The first step of the end of a block: before it nothing of that has been run that could give anything back."""

NEVER_STRUCK = {
    at(AsyncPingingPool.get, "session = ledger.check_out("),
    at(AsyncPingingPool.get, "return await self._lending"),
    at(AsyncCheckout.__aenter__, "session = self.session = await self.pool.get("),
}
"""Where a function written in Python returns Python looks for no signal; a strike, which cannot know, is made there."""


def interrupt_everywhere(
    story: Story, database: type[AsyncFaultyDatabase], *, every: int, spared: Container[str] = (), **options: Any
) -> None:
    """Tell the story again and again, with an interrupt some points later each time; but spare some points."""
    nth, reached = 1, True
    with quick_collections():
        while reached:
            reached = tell(story, Pool(2, **options), database(), nth, spared)
            nth += every


def tell(story: Story, pool: Pool, database: AsyncFaultyDatabase, nth: int, spared: Container[str]) -> bool:
    """Tell the story once, with an interrupt at the n-th point; return whether there are so many."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        loop.run_until_complete(pool.bind(database))
        tasks = [loop.create_task(story(pool))]
        reached = interrupt(lambda: loop.run_until_complete(tasks[0]), nth)
        go_on(loop, asyncio.sleep(20))
        tasks.clear()  # and the error's frames with it, which hold the session
        wrong = "" if last[0] in spared else go_on(loop, see_all_live(pool))
        assert wrong == "", f"{wrong} at point {nth} of {story.__name__}, in {last}; the pool: {pool!r}"
        go_on(loop, pool.close(1))
    return reached


def go_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it, as often as a Ctrl-C from before stops the loop: a task that was struck tells of it once more."""
    task = loop.create_task(coroutine)
    while not task.done():
        with suppress(KeyboardInterrupt, RuntimeError):
            loop.run_until_complete(task)
    return task.result()


async def see_all_live(pool: Pool) -> str:
    """See that the pool lends as many living sessions as it has slots, and takes them all back; say what is wrong."""
    gc.collect()
    try:
        sessions = [await pool.get(20) for _ in range(pool.size)]
        if len({session.use() for session in sessions}) < pool.size:
            return "one session has two holders"
        for session in sessions:
            await pool.put(session)
        await asyncio.sleep(10)
        return "" if pool.stats().idle == pool.size else "not all are idle"
    except Exception as error:
        return repr(error)


def by_name(story: Story) -> str:
    """Name the test."""
    return story.__name__


@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
def test_an_interrupt_loses_no_slot(story: Story) -> None:
    """An interrupt at every 29th point of every way to use a pool loses nothing."""
    interrupt_everywhere(story, AsyncTransactionalDatabase, every=29)


@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
def test_an_interrupt_loses_no_slot_of_a_session_that_nobody_would_miss(story: Story) -> None:
    """Where a dropped session is not noticed, whoever is interrupted gives back what he had."""
    interrupt_everywhere(story, AsyncBrickDatabase, every=17, spared=BEYOND_REACH | NEVER_STRUCK)


@pytest.mark.proof
@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
@pytest.mark.parametrize("database", [AsyncTransactionalDatabase, AsyncBrickDatabase])
def test_an_interrupt_anywhere_loses_no_slot(story: Story, database: type[AsyncFaultyDatabase]) -> None:
    """The same at one point in PINGPOOL_EVERY, which may be every single one."""
    interrupt_everywhere(story, database, every=EVERY, spared=BEYOND_REACH | NEVER_STRUCK)
