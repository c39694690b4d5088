"""Keeping: what pools cost that are kept alive while nobody uses them, or while many wait for one session.

What is taken is the time of the processor, the threads, and how often the process went to sleep: a busy machine changes
those little.
"""

import asyncio
import resource
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import quantiles
from typing import Any

import pingpool
from bench.rounds import Effort
from bench.sheet import Row, Sheet, Target, at_most
from bench.stubs import Session, Stubs
from pingpool import AsyncDatabase


class Pinged(Stubs):
    """Sessions that answer at once."""

    def ping(self, session: Any, *, timeout: float) -> None:
        """Do nothing."""


class PingedByTasks(AsyncDatabase[Session]):
    """The same for tasks."""

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        return Session()

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Do nothing."""


KEPT = ((10_000, 30.0), (100_000, 300.0))
"""Sessions, and their ping interval in seconds: as many pings a second, whatever the size."""

POOLS, WAITERS = 200, 500
SETTLING = 2.0
"""Seconds after which nothing is left to be done of what opened the sessions."""

LINGERING = 15.0
"""Seconds after which the workers that opened the sessions have gone."""

MOST_OF_A_CORE, MOST_MICROSECONDS = 0.03, 50.0
MOST_LOOKS = 10
"""So many times a second may a process go to sleep in which nothing is due."""


def sleeps() -> int:
    """Return how often the process has gone to sleep so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


class Spent:
    """What has been spent since it was made: the share of a core, and how many pings a second."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._pings = pool.stats().pings
        self._began, self._used = time.monotonic(), time.process_time()

    def so_far(self) -> tuple[float, float]:
        lasted = time.monotonic() - self._began
        return (time.process_time() - self._used) / lasted, (self._pool.stats().pings - self._pings) / lasted


def kept_by_threads(size: int, interval: float, seconds: float) -> tuple[float, float, float]:
    """Return the share of a core, the pings a second, and the 99th percentile of a `get` beside them, in µs."""
    with pingpool.open(Pinged(), size=size, ping_interval=interval, workers=1) as pool:
        while pool.stats().idle < size:
            time.sleep(0.01)
        time.sleep(SETTLING)
        spent = Spent(pool)
        time.sleep(seconds)
        share, pings = spent.so_far()
        until, took = time.monotonic() + seconds, []
        while time.monotonic() < until:
            began = time.perf_counter()
            session = pool.get()
            took.append((time.perf_counter() - began) * 1e6)
            pool.put(session)
            time.sleep(0.001)
    return share, pings, quantiles(took, n=100)[-1]


async def kept_by_tasks(size: int, interval: float, seconds: float) -> tuple[float, float]:
    """Return the share of a core, and the pings a second, where the loop has nothing else to do."""
    async with pingpool.open_async(PingedByTasks(), size=size, ping_interval=interval) as pool:
        while pool.stats().idle < size:
            await asyncio.sleep(0.01)
        await asyncio.sleep(SETTLING)
        spent = Spent(pool)
        await asyncio.sleep(seconds)
        return spent.so_far()


@contextmanager
def many_waiting(count: int) -> Iterator[None]:
    """Have so many threads wait for one session."""
    with pingpool.open(Stubs(), size=1, ping_interval=3000, default_timeout=None) as pool:
        session = pool.get()
        threads = [threading.Thread(target=lambda: pool.put(pool.get())) for _ in range(count)]
        for thread in threads:
            thread.start()
        while pool.stats().waiting < count:
            time.sleep(0.01)
        yield
        pool.put(session)
        for thread in threads:
            thread.join()


@contextmanager
def many_kept(count: int) -> Iterator[None]:
    """Have so many pools of two kept alive."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(pingpool.open(Stubs(), size=2, ping_interval=3000))
        time.sleep(LINGERING)
        yield


def counted(scene: Callable[[], Any], seconds: float) -> tuple[int, float]:
    """Return how many threads the scene has beside ours, and how often a second the process goes to sleep in it."""
    before = threading.active_count()
    with scene():
        threads, slept = threading.active_count() - before, sleeps()
        time.sleep(seconds)
        return threads, (sleeps() - slept) / seconds


def run(effort: Effort) -> Sheet:
    seconds = 5 * effort.seconds
    sheet = Sheet(
        title="keeping: what a pool costs that nobody uses, and threads that all wait for one session",
        note="Pings take no time. A core's share is the processor's time; sleeps are voluntary context switches.",
        columns=["", "of a core", "pings a second", "get p99, µs", "threads", "sleeps a second"],
    )

    def note(name: str, cells: list[str], target: Target | None, **raw: float) -> None:
        sheet.rows.append(Row([name, *cells], target))
        sheet.raw[name] = raw

    for size, interval in KEPT:
        name = f"{size:,} sessions at {interval:g} s"
        share, pings, p99 = kept_by_threads(size, interval, seconds)
        cheap, quick = at_most(100 * MOST_OF_A_CORE, 100 * share, " %"), at_most(MOST_MICROSECONDS, p99)
        promise = f"{cheap.promise} of a core, p99 {quick.promise} µs"
        both = Target(promise, cheap.is_met and quick.is_met, min(cheap.reached, quick.reached))
        note(f"{name}, threads", [f"{share:.1%}", f"{pings:.0f}", f"{p99:.0f}", "", ""], both, share=share, p99=p99)
        share, pings = asyncio.run(kept_by_tasks(size, interval, seconds))
        cheap = at_most(100 * MOST_OF_A_CORE, 100 * share, " %")
        note(f"{name}, asyncio", [f"{share:.1%}", f"{pings:.0f}", "", "", ""], cheap, share=share)
    for name, scene, most in (
        (f"{WAITERS} threads wait for one session", lambda: many_waiting(WAITERS), WAITERS + 3),
        (f"{POOLS} pools, kept alive", lambda: many_kept(POOLS), 2),
    ):
        threads, slept = counted(scene, seconds)
        fewer, rarer = at_most(most, threads), at_most(MOST_LOOKS, slept)
        promise = f"{fewer.promise} threads, {rarer.promise} sleeps"
        both = Target(promise, fewer.is_met and rarer.is_met, min(fewer.reached, rarer.reached))
        note(name, ["", "", "", str(threads), f"{slept:.1f}"], both, threads=threads, sleeps=slept)
    return sheet
