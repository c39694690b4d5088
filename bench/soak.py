"""The soak: a pool in each world lives through trouble, ten million uses long, and nothing may grow.

Callers get, put, leave blocks with errors, drop sessions, time out and are cancelled, while sessions die and calls
fail. At each mark the callers pause, the pool becomes whole, and what the process holds is counted: blocks of memory,
resident bytes, threads and file descriptors. The first fifth is for warming up.

    python -m bench.soak --uses 10000000
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
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from pingpool import AsyncPingingPool, PingingPool, PoolError
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from pingpool.testing.async_database import AsyncFaultyDatabase

SIZE = 8
CALLERS = 16
MARKS = 20
MAY_GROW = {"blocks": 2000, "kilobytes": 1000, "threads": SIZE, "descriptors": 2}
"""How much more the last marks may count than those after warming up: caches, the marks, workers that linger."""

STRIKES = 0.25
"""Seconds between two faults: a pool that is struck all the time is never used."""

SILENCE = 15.0
"""Seconds after which a line says how far the soak is."""


class Mark(NamedTuple):
    """What the process holds at one moment."""

    seconds: float
    uses: int
    blocks: int
    kilobytes: int
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.0f} s {self.uses:12,} uses {self.blocks:9,} blocks {self.kilobytes:9,} KB "
            f"{self.threads:4} threads {self.descriptors:4} descriptors"
        )


class Soak:
    """The marks of one world, and the faults that strike it."""

    def __init__(self, database: FaultyDatabase | AsyncFaultyDatabase, uses: int) -> None:
        self.database = database
        self.chance = random.Random(1)
        self.marks: list[Mark] = []
        self.done = [0] * CALLERS
        self.each = max(1, uses // MARKS // CALLERS)
        """How many uses a caller makes between two marks."""
        self._began = self._said = time.monotonic()

    @property
    def uses(self) -> int:
        return sum(self.done)

    def strike(self) -> None:
        """Let something go wrong, and say now and then how far it is."""
        what = self.chance.random()
        if what < 0.5 and (live := self.database.live):
            self.database.kill(self.chance.choice(live))
        elif what < 0.9:
            self.database.fail(self.chance.choice(["create", "ping", "delete"]), times=1)
        now = time.monotonic()
        if now - self._said > SILENCE:
            self._say(f"{now - self._began:6.0f} s {self.uses:12,} uses ...")

    def mark(self) -> None:
        """Count what the process holds, and say so."""
        gc.collect()
        self.marks.append(
            Mark(
                time.monotonic() - self._began,
                self.uses,
                sys.getallocatedblocks(),
                resident_kilobytes(),
                threading.active_count(),
                open_descriptors(),
            )
        )
        self._say(str(self.marks[-1]))

    def growth(self) -> dict[str, int]:
        """Return by how much each count grew since warming up, where that is more than it may.

        A few marks at each end are taken together: one alone may have met a worker that lingers.
        """
        few = len(self.marks) // 5
        first, last = self.marks[few : 2 * few], self.marks[-few:]
        grown = {name: typical(name, last) - typical(name, first) for name in MAY_GROW}
        return {name: more for name, more in grown.items() if more > MAY_GROW[name]}

    def _say(self, what: str) -> None:
        self._said = time.monotonic()
        print(f"  {what}", flush=True)


def typical(name: str, marks: Sequence[Mark]) -> int:
    return round(median(getattr(mark, name) for mark in marks))


def resident_kilobytes() -> int:
    """Return how much of its memory the process has in use, where the system tells; 0 elsewhere."""
    try:
        with open("/proc/self/statm") as figures:
            return int(figures.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


def open_descriptors() -> int:
    """Return how many file descriptors are open, where the system tells; 0 elsewhere."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def use_badly(chance: random.Random, session: FakeSession) -> None:
    """Use a session, and end the block in one of the ways in which blocks end."""
    end = chance.random()
    if end < 0.05:
        raise ValueError("an error of the application")
    session.use()
    if end > 0.999:
        raise SystemExit


def soak_threads(uses: int) -> Soak:
    """Live with threads."""
    database = FaultyDatabase()
    soak = Soak(database, uses)
    pool: PingingPool[FakeSession] = PingingPool(SIZE, 1, 0.05, name="soak", io_timeout=1)
    pool.bind(database)
    pool.keep_alive()

    def live(caller: int, number: int) -> None:
        chance = random.Random(100 * number + caller)
        for _ in range(soak.each):
            with contextlib.suppress(PoolError, SessionDied, ValueError, SystemExit):
                what = chance.random()
                if what < 0.001:
                    pool.get(0.1)  # and drop it
                elif what < 0.3:
                    pool.put(pool.get())
                else:
                    with pool.session(chance.choice([0, 0.01, 1])) as session:
                        use_badly(chance, session)
            soak.done[caller] += 1

    for number in range(MARKS):
        callers = [threading.Thread(target=live, args=(caller, number)) for caller in range(CALLERS)]
        for caller in callers:
            caller.start()
        while any(caller.is_alive() for caller in callers):
            soak.strike()
            time.sleep(STRIKES)
        database.recover()
        whole(lambda: pool.stats().idle, pool.ping)
        soak.mark()
    pool.close()
    return soak


async def soak_tasks(uses: int) -> Soak:
    """Live with tasks."""
    database = AsyncFaultyDatabase()
    soak = Soak(database, uses)
    pool: AsyncPingingPool[FakeSession] = AsyncPingingPool(SIZE, 1, 0.05, name="soak", io_timeout=1)
    await pool.bind(database)
    pool.keep_alive()

    async def live(caller: int, number: int) -> None:
        chance = random.Random(100 * number + caller)
        for _ in range(soak.each):
            with contextlib.suppress(PoolError, SessionDied, ValueError, SystemExit, asyncio.CancelledError):
                what = chance.random()
                if what < 0.001:
                    await pool.get(0.1)  # and drop it
                elif what < 0.01:
                    task = asyncio.create_task(pool.get(0.1))
                    await asyncio.sleep(0)
                    task.cancel()
                    await pool.put(await task)
                elif what < 0.3:
                    await pool.put(await pool.get())
                else:
                    async with pool.session(chance.choice([0, 0.01, 1])) as session:
                        if chance.random() < 0.1:
                            await asyncio.sleep(0)
                        use_badly(chance, session)
            soak.done[caller] += 1
            await asyncio.sleep(0)

    for number in range(MARKS):
        callers = [asyncio.create_task(live(caller, number)) for caller in range(CALLERS)]
        while not all(caller.done() for caller in callers):
            soak.strike()
            await asyncio.sleep(STRIKES)
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


WORLDS: dict[str, Callable[[int], Soak]] = {
    "threads": soak_threads,
    "asyncio": lambda uses: asyncio.run(soak_tasks(uses)),
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
    parser.add_argument("--uses", type=int, default=10_000_000, help="in each world (10000000)")
    parser.add_argument("worlds", nargs="*", choices=[*WORLDS, []], metavar="WORLD", help="threads, asyncio; or both")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ResourceWarning)
    logging.disable()
    status = 0
    for world in options.worlds or WORLDS:
        print(f"{world}: {CALLERS} callers, {SIZE} sessions", flush=True)
        growth = WORLDS[world](options.uses).growth()
        print(f"  {'nothing grew' if not growth else f'GREW: {growth}'}", flush=True)
        status |= bool(growth)
    return status


if __name__ == "__main__":
    sys.exit(main())
