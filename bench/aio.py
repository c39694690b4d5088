"""asyncio: what a pair costs one task, how a thousand tasks share ten sessions, how fast a hundred sessions are
opened.

A task of the crowd holds its session for a millisecond, as a short query would. A bare `asyncio.Queue` is the
yardstick, although it is unfair: a task that puts and gets at once overtakes those who wait.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from statistics import quantiles
from types import SimpleNamespace
from typing import Any

from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_least, at_most
from bench.stubs import Maker, PsycopgConnection, Session, SpannerSession
from pingpool import AsyncDatabase, AsyncPingingPool
from pingpool.testing.servers import PostgresServer

SIZE = 10
PAIRS = 2_000
TASKS = 1_000
TURNS = 4
HOLD = 0.001
"""Seconds that a task of the crowd holds a session."""

FILLED = 100
OPENING = 0.020
HOUR = 3600.0

OURS, UPSTREAM, QUEUE = "pingpool", "google-cloud-spanner async PingingPool", "bare asyncio.Queue"


@dataclass(frozen=True)
class Lender:
    """A full pool."""

    get: Callable[[], Awaitable[Any]]
    put: Callable[[Any], Awaitable[Any]]
    close: Callable[[], Awaitable[Any]]


class Stubs(AsyncDatabase[Any]):
    """A database whose sessions only take time to open."""

    def __init__(self, make: Maker = Session, opening: float = 0.0) -> None:
        self._make = make
        self._opening = opening

    async def create(self, *, labels: Any, timeout: float) -> Any:
        if self._opening:
            await asyncio.sleep(self._opening)
        return self._make()


async def nothing() -> None:
    """Close nothing."""


async def _open_ours() -> Lender:
    pool: AsyncPingingPool[Any] = AsyncPingingPool(SIZE, HOUR)
    await pool.bind(Stubs())
    return Lender(pool.get, pool.put, pool.close)


async def _open_upstream() -> Lender:
    from google.cloud.spanner_v1._async.pool import PingingPool

    pool: Any = PingingPool(SIZE, default_timeout=HOUR)
    for _ in range(SIZE):
        await pool.put(SpannerSession())
    return Lender(pool.get, pool.put, nothing)


async def _open_queue() -> Lender:
    sessions: asyncio.Queue[Any] = asyncio.Queue(SIZE)
    for _ in range(SIZE):
        sessions.put_nowait(Session())
    return Lender(sessions.get, sessions.put, nothing)


async def _open_psycopg_pool() -> Lender:
    from psycopg_pool import AsyncConnectionPool

    class Connection(PsycopgConnection):
        async def close(self) -> None:  # type: ignore[override] # this one is awaited
            """End it."""

    async def connect(conninfo: str, **options: Any) -> Any:
        return Connection()

    kind: Any = SimpleNamespace(connect=connect)
    pool: Any = AsyncConnectionPool(connection_class=kind, min_size=SIZE, open=False, timeout=HOUR)
    await pool.open(wait=True, timeout=HOUR)
    return Lender(pool.getconn, pool.putconn, pool.close)


async def _open_sqlalchemy() -> Lender:
    from sqlalchemy.pool import AsyncAdaptedQueuePool
    from sqlalchemy.util import greenlet_spawn

    from bench.stubs import DBAPIConnection

    pool = AsyncAdaptedQueuePool(DBAPIConnection, pool_size=SIZE, max_overflow=0, timeout=HOUR)

    async def get() -> Any:
        return await greenlet_spawn(pool.connect)

    async def put(session: Any) -> None:
        await greenlet_spawn(session.close)

    async def close() -> None:
        await greenlet_spawn(pool.dispose)

    return Lender(get, put, close)


@cache
def _server() -> PostgresServer:
    server = PostgresServer()
    server.start()
    return server


async def _open_asyncpg() -> Lender:
    """Open asyncpg's pool, with real connections, and without its reset."""
    import asyncpg

    async def leave_as_it_is(connection: Any) -> None:
        """Reset nothing."""

    pool: Any = await asyncpg.create_pool(_server().url, min_size=SIZE, max_size=SIZE, reset=leave_as_it_is)
    return Lender(pool.acquire, pool.release, pool.close)


LENDERS: dict[str, tuple[str, Callable[[], Awaitable[Lender]]]] = {
    OURS: ("pingpool", _open_ours),
    UPSTREAM: ("google.cloud.spanner_v1._async", _open_upstream),
    "psycopg_pool AsyncConnectionPool": ("psycopg_pool", _open_psycopg_pool),
    "asyncpg's pool, real connections": ("asyncpg", _open_asyncpg),
    "SQLAlchemy AsyncAdaptedQueuePool": ("greenlet", _open_sqlalchemy),
    QUEUE: ("asyncio", _open_queue),
}
"""Each with the module that it needs."""


def installed() -> tuple[dict[str, Callable[[], Awaitable[Lender]]], list[str]]:
    """Return those that can be measured here, and the names of the others."""
    there = {who: _is_there(module) for who, (module, _) in LENDERS.items()}
    return {who: LENDERS[who][1] for who in LENDERS if there[who]}, [who for who in LENDERS if not there[who]]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def pair(effort: Effort) -> Sheet:
    def nanoseconds(open_lender: Callable[[], Awaitable[Lender]]) -> Callable[[], float]:
        async def measure() -> float:
            lender = await open_lender()
            get, put = lender.get, lender.put
            start = time.thread_time()
            for _ in range(PAIRS):
                await put(await get())
            took = time.thread_time() - start
            await lender.close()
            return took / PAIRS * 1e9

        return lambda: asyncio.run(measure())

    lenders, missing = installed()
    rounds = interleave({who: nanoseconds(lender) for who, lender in lenders.items()}, effort.rounds)
    sheet = Sheet(
        title="asyncio: one get + put in one task",
        note=f"Processor time in this thread; pools of {SIZE} stub sessions.",
        columns=["", "ns", "x pingpool"],
        missing=missing,
        raw={"ns": rounds.figures},
    )
    for who in lenders:
        times = rounds.ratio(who, to=OURS)
        target = at_least(14, times, " x") if who == UPSTREAM else None
        sheet.rows.append(Row([who, f"{rounds.median(who):,.0f}", f"{times:.2f}"], target))
    return sheet


async def crowd(open_lender: Callable[[], Awaitable[Lender]]) -> tuple[float, list[float]]:
    """Have a thousand tasks share ten sessions; return the seconds in all, and each get's wait."""
    lender = await open_lender()
    waits: list[float] = []

    async def live() -> None:
        for turn in range(TURNS):
            start = time.perf_counter()
            session = await lender.get()
            if 0 < turn < TURNS - 1:  # while the line is longest
                waits.append(time.perf_counter() - start)
            await asyncio.sleep(HOLD)
            await lender.put(session)

    start = time.perf_counter()
    await asyncio.gather(*(live() for _ in range(TASKS)))
    took = time.perf_counter() - start
    await lender.close()
    return took, waits


def many(effort: Effort) -> Sheet:
    lenders, missing = installed()
    waits: dict[str, list[list[float]]] = {who: [] for who in lenders}

    def milliseconds(who: str) -> Callable[[], float]:
        def measure() -> float:
            took, waited = asyncio.run(crowd(lenders[who]))
            waits[who].append(quantiles(waited, n=100))
            return took * 1e3

        return measure

    rounds = interleave({who: milliseconds(who) for who in lenders}, max(3, effort.rounds // 3))
    sheet = Sheet(
        title=f"asyncio: {TASKS:,} tasks, {SIZE} sessions, each held for {HOLD * 1e3:.0f} ms, {TURNS} times",
        note="Real time; the wait for a session, from the second turn on. A queue's tasks do not wait in turn.",
        columns=["", "ms", "x asyncio.Queue", "wait p50 ms", "p99 / p50"],
        missing=missing,
        raw={"ms": rounds.figures},
    )
    for who in lenders:
        times = rounds.ratio(who, to=QUEUE)
        middle = sorted(waits[who], key=lambda cuts: cuts[98] / cuts[49])[len(waits[who]) // 2]
        spread = middle[98] / middle[49]
        cells = [who, f"{rounds.median(who):,.0f}", f"{times:.2f}", f"{middle[49] * 1e3:,.1f}"]
        target = at_most(1.08, round(times, 3), " x") if who == OURS else None
        sheet.rows.append(Row([*cells, f"{spread:,.2f}"], target))
        if who == OURS:
            even = at_most(1.15, round(spread, 3), " p99 / p50")
            sheet.rows.append(Row([f"{who}, how even", "", "", "", f"{spread:,.2f}"], even))
    return sheet


def fill(effort: Effort) -> Sheet:
    async def measure() -> float:
        pool: AsyncPingingPool[Any] = AsyncPingingPool(FILLED, HOUR)
        start = time.perf_counter()
        await pool.bind(Stubs(opening=OPENING))
        took = time.perf_counter() - start
        await pool.close()
        return took * 1e3

    rounds = interleave({OURS: lambda: asyncio.run(measure())}, effort.rounds)
    took = rounds.median(OURS)
    return Sheet(
        title=f"asyncio: {FILLED} sessions that take {OPENING * 1e3:.0f} ms each, from nothing to full",
        note="As many are opened side by side as there are to be.",
        columns=["", "ms"],
        rows=[Row([OURS, f"{took:,.1f}"], at_most(30, took, " ms"))],
        raw={"ms": rounds.figures},
    )
