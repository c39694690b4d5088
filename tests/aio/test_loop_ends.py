"""When a loop ends, or all its tasks are cancelled: the pool goes with it, or comes back, and says nothing."""

import asyncio
import logging
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool import AsyncPingingPool
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import VirtualLoop, run

SRC = Path(__file__).parents[2] / "src"
CLOSED_LOOP = Path(__file__).parent / "programs" / "closed_loop.py"


def test_the_workers_stop_when_a_loop_ends(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that ends in the middle of everything leaves no task pending, no warning, and starts nothing new."""
    database = AsyncFaultyDatabase()

    async def main() -> AsyncPingingPool[FakeSession]:
        pool = await pingpool.open_async(database, size=3, ping_interval=60)
        database.slow("ping", 5)
        while not database.calls["ping"]:
            await asyncio.sleep(1)
        return pool

    with caplog.at_level(logging.ERROR, "asyncio"):
        pools = [run(main())]
    assert [record for record in caplog.records if record.name == "asyncio"] == []
    assert database.calls["create"] == 3
    assert pools[0].stats().idle < 3
    with pytest.warns(ResourceWarning, match="without being closed"):
        pools.clear()


def test_cancelling_every_task_does_not_end_the_pool() -> None:
    """Somebody who cancels all tasks there are ends the keeper and the calls under way; the next use resumes both."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with pingpool.open_async(database, size=2, ping_interval=60) as pool:
            database.slow("ping", 5)
            while not database.calls["ping"]:
                await asyncio.sleep(1)
            sweep()
            await asyncio.sleep(0.1)
            database.recover()
            assert [await pool.get(), await pool.get()]
            assert any(task.get_name().endswith("keeper") for task in asyncio.all_tasks())

    run(main())


def test_a_swept_pool_comes_back_though_nobody_waits() -> None:
    """The keeper and the workers are at work again soon after a sweep, in a pool that is only used by the fast way."""

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with pingpool.open_async(database, size=2, ping_interval=60, wait_for=None) as pool:
            database.slow("ping", 5)
            await asyncio.sleep(58)
            sweep()
            await asyncio.sleep(0)
            database.recover()
            asked = database.calls["ping"]
            await asyncio.sleep(5)
            assert "keeper" in {task.get_name().rpartition(" ")[2] for task in asyncio.all_tasks()}
            await asyncio.sleep(120)
            assert database.calls["ping"] > asked
            assert pool.stats().idle == 2

    run(main())


def test_a_swept_pool_rests_in_a_loop_that_is_about_to_end() -> None:
    """While all tasks that there are go on only to end, however long that takes, the pool begins nothing."""

    async def main() -> AsyncPingingPool[FakeSession]:
        pool = await pingpool.open_async(database, size=2, ping_interval=60, wait_for=None)
        lingering.append(asyncio.create_task(linger()))
        await asyncio.sleep(0)
        return pool

    async def linger() -> None:
        try:
            await asyncio.sleep(math.inf)
        finally:
            await asyncio.sleep(600)

    database, lingering = AsyncFaultyDatabase(), list[asyncio.Task[None]]()
    pools = [run(main())]
    assert lingering[0].cancelled()
    assert database.calls["ping"] == 0
    with pytest.warns(ResourceWarning, match="without being closed"):
        pools.clear()


def sweep() -> None:
    """Cancel every task but this one."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


END_IN_THE_MIDDLE = """
import asyncio, logging, sys
import pingpool
logging.getLogger("pingpool").disabled = True  # it says that the pool is exhausted
from pingpool.testing.async_database import AsyncFaultyDatabase

database = AsyncFaultyDatabase()
pool = pingpool.AsyncPingingPool(3, ping_interval=0.05)

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # else Python's development mode tells of a busy machine
    await pool.bind(database)
    pool.keep_alive()
    held = await pool.get()
    database.slow("ping", 60)
    database.slow("create", 60)
    waiting = [asyncio.create_task(pool.get()) for _ in range(4)]
    await asyncio.sleep(0.2)
    async with pool.session(0.1) as session:
        pass

try:
    asyncio.run(main())
except pingpool.PoolTimeout:
    print("timed out")
"""


def test_nothing_is_said_about_pending_tasks_at_exit() -> None:
    """A process that ends in the middle of everything, its pool not closed, says nothing about tasks."""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "-c", END_IN_THE_MIDDLE],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert (ended.stdout, ended.stderr) == ("timed out\n", "")


@pytest.mark.parametrize("end", ["kept", "dropped"])
@pytest.mark.parametrize("kind", ["aiosqlite", "in threads"])
def test_a_loop_that_is_closed_over_a_pool_does_not_keep_the_process(kind: str, end: str, tmp_path: Path) -> None:
    """The process ends, and says nothing, though the sessions have threads, and nobody closed the pool."""
    if kind == "aiosqlite":
        pytest.importorskip(kind)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", CLOSED_LOOP, tmp_path / "shop.db", kind, end],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


@pytest.mark.parametrize("step", ["opening", "around the pool", "in line"])
@pytest.mark.filterwarnings("ignore:.*without being closed:ResourceWarning")
def test_a_coroutine_that_outlives_its_loop_ends_quietly(step: str) -> None:
    """Collected after its loop was closed, it raises nothing: nobody is left to close the pool, or to be told."""
    database = AsyncFaultyDatabase()
    if step == "opening":
        database.slow("create", math.inf)

    async def use() -> None:
        async with pingpool.open_async(database, size=1) as pool:
            if step == "in line":
                held.append(await pool.get())
                await pool.get(math.inf)
            await asyncio.get_running_loop().create_future()

    async def begin(coroutine: Any) -> None:
        tasks.append(asyncio.create_task(coroutine))
        for _ in range(20):
            await asyncio.sleep(0)

    held, tasks = list[FakeSession](), list[asyncio.Task[None]]()
    coroutine = use()
    loop = VirtualLoop()
    loop.run_until_complete(begin(coroutine))
    loop.close()
    coroutine.close()
