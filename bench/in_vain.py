"""Gets in vain: what one costs while every session is lent, by how many are lent, and by how many wait.

That is the hour in which nobody can spare the time: a pool that is exhausted turns callers away by the thousand.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import pingpool
from bench.rounds import Effort
from bench.sheet import Row, Sheet, at_most
from bench.stubs import Stubs
from pingpool import AsyncPingingPool, PingingPool, PoolTimeout
from pingpool.databases.in_threads import InThreads

SIZES = (10, 1_000, 10_000)
MOST_TIMES = 2
"""How many times its cost at the smallest size a get may cost at the largest."""


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title="in-vain: a get that ends with PoolTimeout, error and all",
        note="Processor time of this thread, in microseconds; the target is the last size against the first.",
        columns=["", *(f"{size:,}" for size in SIZES), "growth"],
    )
    ways: dict[str, Callable[[int, float], float]] = {
        "threads: get(0), by the sessions that are lent": turned_away,
        "asyncio: a wait, by the tasks in line": given_up,
    }
    for name, way in ways.items():
        figures = [way(size, effort.seconds) for size in SIZES]
        growth = figures[-1] / figures[0]
        cells = [name, *(f"{figure:.0f}" for figure in figures), f"{growth:.1f}"]
        sheet.rows.append(Row(cells, at_most(MOST_TIMES, growth, " x")))
        sheet.raw[name] = dict(zip(map(str, SIZES), figures, strict=True))
    return sheet


def turned_away(size: int, seconds: float) -> float:
    """Return what a `get(0)` costs, over so many seconds in which nothing comes back."""
    with PingingPool[object](size, io_timeout=60) as pool:
        pool.bind(Stubs())
        held = [pool.get() for _ in range(size)]
        until, count, start = time.monotonic() + seconds, 0, time.thread_time()
        while time.monotonic() < until:
            with suppress(PoolTimeout):
                pool.get(0)
            count += 1
        took = time.thread_time() - start
        for session in held:
            pool.put(session)
    return took / count * 1e6


def given_up(waiting: int, seconds: float) -> float:
    """Return what a wait costs in one loop with so many tasks in line, who give up one after the other."""

    async def wait(pool: AsyncPingingPool[object], timeout: float) -> None:
        with suppress(PoolTimeout):
            await pool.get(timeout)

    async def crowd() -> float:
        async with await pingpool.open_async(InThreads(Stubs()), size=1) as pool, pool.session():
            start = time.thread_time()
            await asyncio.gather(*(wait(pool, seconds * (1 + place / waiting)) for place in range(waiting)))
            return time.thread_time() - start

    return asyncio.run(crowd()) / waiting * 1e6
