"""The soak: a pool in each world lives through trouble for a long time, and nothing may grow.

Callers get, put, leave blocks with errors, drop sessions, time out and are cancelled, while sessions die and calls
fail. At each mark the callers pause, the pool becomes whole, and what the process holds is counted: blocks of memory,
threads and file descriptors. The first fifth of the time is for warming up.

    python -m bench.soak --seconds 600
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

from pingpool import AsyncPingingPool, PingingPool, PoolError
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from pingpool.testing.async_database import AsyncFaultyDatabase

SIZE = 8
CALLERS = 16
MARKS = 10
MAY_GROW = {"blocks": 2000, "threads": SIZE, "descriptors": 2}
"""What a count may differ by from the first mark after warming up: caches, the marks, workers that linger."""


class Mark(NamedTuple):
    """What the process holds at one moment."""

    seconds: float
    uses: int
    blocks: int
    threads: int
    descriptors: int


class Soak:
    """The marks of one world, and the faults that strike it."""

    def __init__(self, database: FaultyDatabase | AsyncFaultyDatabase, seconds: float) -> None:
        self.database = database
        self.seconds = seconds
        self.chance = random.Random(1)
        self.uses = 0
        self.marks: list[Mark] = []
        self.began = time.monotonic()

    def strike(self) -> None:
        """Let something go wrong."""
        what = self.chance.random()
        if what < 0.5 and (live := self.database.live):
            self.database.kill(self.chance.choice(live))
        elif what < 0.9:
            self.database.fail(self.chance.choice(["create", "ping", "delete"]), times=1)

    def mark(self) -> None:
        """Count what the process holds, and say so."""
        gc.collect()
        descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        blocks, threads = sys.getallocatedblocks(), threading.active_count()
        mark = Mark(time.monotonic() - self.began, self.uses, blocks, threads, descriptors)
        self.marks.append(mark)
        print(
            f"  {mark.seconds:6.0f} s {mark.uses:12,} uses {mark.blocks:9,} blocks {mark.threads:4} threads "
            f"{mark.descriptors:4} descriptors",
            flush=True,
        )

    def growth(self) -> dict[str, int]:
        """Return by how much each count grew since warming up, where that is more than it may."""
        first, last = self.marks[len(self.marks) // 5], self.marks[-1]
        grown = {name: getattr(last, name) - getattr(first, name) for name in MAY_GROW}
        return {name: more for name, more in grown.items() if more > MAY_GROW[name]}


def use_badly(chance: random.Random, session: FakeSession) -> None:
    """Use a session, and end the block in one of the ways in which blocks end."""
    end = chance.random()
    if end < 0.05:
        raise ValueError("an error of the application")
    session.use()
    if end > 0.999:
        raise SystemExit


def soak_threads(seconds: float) -> Soak:
    """Live with threads."""
    database = FaultyDatabase()
    soak = Soak(database, seconds)
    pool: PingingPool[FakeSession] = PingingPool(SIZE, 1, 0.05, name="soak", io_timeout=1)
    pool.bind(database)
    pool.keep_alive()

    def live(until: float, seed: int) -> None:
        chance, uses = random.Random(seed), 0
        while time.monotonic() < until:
            with contextlib.suppress(PoolError, SessionDied, ValueError, SystemExit):
                if chance.random() < 0.001:
                    pool.get(0.1)  # and drop it
                else:
                    with pool.session(chance.choice([0, 0.01, 1])) as session:
                        use_badly(chance, session)
            uses += 1
        soak.uses += uses

    for number in range(MARKS):
        until = time.monotonic() + seconds / MARKS
        callers = [threading.Thread(target=live, args=(until, 100 * number + each)) for each in range(CALLERS)]
        for caller in callers:
            caller.start()
        while time.monotonic() < until:
            soak.strike()
            time.sleep(0.01)
        for caller in callers:
            caller.join()
        database.recover()
        whole(lambda: pool.stats().idle, pool.ping)
        soak.mark()
    pool.close()
    return soak


async def soak_tasks(seconds: float) -> Soak:
    """Live with tasks."""
    database = AsyncFaultyDatabase()
    soak = Soak(database, seconds)
    pool: AsyncPingingPool[FakeSession] = AsyncPingingPool(SIZE, 1, 0.05, name="soak", io_timeout=1)
    await pool.bind(database)
    pool.keep_alive()

    async def live(until: float, seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < until:
            with contextlib.suppress(PoolError, SessionDied, ValueError, SystemExit, asyncio.CancelledError):
                if chance.random() < 0.001:
                    await pool.get(0.1)  # and drop it
                elif chance.random() < 0.01:
                    task = asyncio.create_task(pool.get(0.1))
                    await asyncio.sleep(0)
                    task.cancel()
                    await pool.put(await task)
                else:
                    async with pool.session(chance.choice([0, 0.01, 1])) as session:
                        if chance.random() < 0.1:
                            await asyncio.sleep(0)
                        use_badly(chance, session)
            soak.uses += 1
            await asyncio.sleep(0)

    for number in range(MARKS):
        until = time.monotonic() + seconds / MARKS
        callers = [asyncio.create_task(live(until, 100 * number + each)) for each in range(CALLERS)]
        while time.monotonic() < until:
            soak.strike()
            await asyncio.sleep(0.01)
        await asyncio.gather(*callers)
        del callers
        database.recover()
        until = time.monotonic() + 10
        while pool.stats().idle < SIZE:
            assert time.monotonic() < until, f"the pool does not become whole: {pool!r}"
            await pool.ping()
            await asyncio.sleep(0.01)
        soak.mark()
    await pool.close()
    return soak


WORLDS: dict[str, Callable[[float], Soak]] = {
    "threads": soak_threads,
    "asyncio": lambda seconds: asyncio.run(soak_tasks(seconds)),
}


def whole(idle: Callable[[], int], ping: Callable[[], object]) -> None:
    """Wait until every slot has its session."""
    until = time.monotonic() + 10
    while idle() < SIZE:
        assert time.monotonic() < until, "the pool does not become whole"
        gc.collect()
        ping()
        time.sleep(0.01)


def main() -> int:
    """Soak both worlds; the exit status is 1 if anything grew."""
    assert __doc__
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600, help="for each world (600)")
    parser.add_argument("worlds", nargs="*", choices=[*WORLDS, []], metavar="WORLD", help="threads, asyncio; or both")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ResourceWarning)
    logging.disable()
    status = 0
    for world in options.worlds or WORLDS:
        print(f"{world}: {CALLERS} callers, {SIZE} sessions", flush=True)
        growth = WORLDS[world](options.seconds).growth()
        print(f"  {'nothing grew' if not growth else f'GREW: {growth}'}", flush=True)
        status |= bool(growth)
    return status


if __name__ == "__main__":
    sys.exit(main())
