"""Real checkouts: a block, and a get and put, on real servers, with all that is looked at and asked on the way.

psycopg_pool asks a connection that comes back for its status, and no more. Ours also looks at the socket of each that
goes out, and asks of each that comes back what its holder has left in it. Where there is no peer, the measure is a
block on stub sessions, of which nothing is asked.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pingpool
from bench.checkin import microseconds as blocks
from bench.pair import nanoseconds
from bench.peers import UPSTREAM, Lender
from bench.rounds import Effort, Rounds, interleave
from bench.sheet import Row, Sheet, Target, at_least, at_most
from bench.stubs import Stubs
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ServerMissing, ValkeyServer

SIZE = 4
USES = 1_000
"""How many checkouts make a round."""

STUB, PSYCOPG, PSYCOPG_POOL = "stub sessions", "PostgreSQL, psycopg", "PostgreSQL, psycopg_pool"

OTHERS: dict[str, tuple[type[PrivateServer], str]] = {
    "MariaDB, PyMySQL": (MariaDBServer, "?ssl_disabled=true"),
    "Valkey, redis-py": (ValkeyServer, ""),
}

GOALS: dict[str, Callable[[Rounds], Target]] = {
    f"block, {STUB}": lambda rounds: at_least(5.0, rounds.ratio("upstream", to=f"block, {STUB}"), " x upstream's pair"),
    f"block, {PSYCOPG}": lambda rounds: at_least(2.5, against_peer(rounds, "block"), " x psycopg_pool"),
    f"get + put, {PSYCOPG}": lambda rounds: at_least(1.3, against_peer(rounds, "get + put"), " x psycopg_pool"),
    f"async block, {PSYCOPG}": lambda rounds: at_least(2.5, against_peer(rounds, "async block"), " x psycopg_pool"),
    **{
        f"block, {name}": lambda rounds, name=name: at_most(1.4, against_stub(rounds, name), " x stub's")
        for name in (*OTHERS, "SQLite, sqlite3")
    },
}
"""What was aimed at: the stubs' block, the peer's way, and what a look and a question may cost."""


def against_peer(rounds: Rounds, way: str) -> float:
    return rounds.ratio(f"{way}, {PSYCOPG_POOL}", to=f"{way}, {PSYCOPG}")


def against_stub(rounds: Rounds, name: str) -> float:
    return rounds.ratio(f"block, {name}", to=f"block, {STUB}")


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title="real: a checkout and its return, nobody else there, nothing done in between",
        note="Processor time in this thread, of which a look at a socket takes the system 0.3 µs.",
        columns=["", "µs"],
    )
    with ExitStack() as running:
        rounds = interleave(dict(contenders(running)), effort.rounds)
    sheet.raw["µs"] = rounds.figures
    for who in rounds.figures:
        goal = GOALS.get(who)
        sheet.rows.append(Row([who, f"{rounds.median(who):.2f}"], goal(rounds) if goal else None))
    return sheet


def contenders(running: ExitStack) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield each way of each pool, by name; a server that is not here is left out."""
    stubs: pingpool.PingingPool[Any] = running.enter_context(pingpool.PingingPool(SIZE))
    stubs.bind(Stubs())
    upstream = UPSTREAM.open(SIZE)
    running.callback(upstream.close)
    yield "upstream", pairs(upstream.get, upstream.put)
    yield f"block, {STUB}", blocks(stubs.session)
    server = running.enter_context(PostgresServer())
    yield from of_postgres(server.url, running)
    yield from of_postgres_async(server.url, running)
    for name, (kind, options) in OTHERS.items():
        with suppress(ServerMissing):
            url = running.enter_context(kind()).url + options
            yield f"block, {name}", blocks(running.enter_context(pingpool.open(url, size=SIZE)).session)
    yield "block, SQLite, sqlite3", blocks(running.enter_context(pingpool.open("sqlite://", size=SIZE)).session)


def of_postgres(url: str, running: ExitStack) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield the ways of both pools for threads."""
    from psycopg_pool import ConnectionPool

    ours = running.enter_context(pingpool.open(url, size=SIZE))
    theirs = running.enter_context(ConnectionPool(url, min_size=SIZE))
    theirs.wait()
    yield f"block, {PSYCOPG}", blocks(ours.session)
    yield f"block, {PSYCOPG_POOL}", blocks(theirs.connection)
    yield f"get + put, {PSYCOPG}", pairs(ours.get, ours.put)
    yield f"get + put, {PSYCOPG_POOL}", pairs(theirs.getconn, theirs.putconn)


def of_postgres_async(url: str, running: ExitStack) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield the ways of both pools for asyncio, in one loop."""
    from psycopg_pool import AsyncConnectionPool

    loop = running.enter_context(asyncio.Runner())

    async def opened() -> tuple[Any, Any]:
        theirs = AsyncConnectionPool(url, min_size=SIZE, open=False)
        await theirs.open(wait=True)
        return await pingpool.open_async(url, size=SIZE), theirs

    ours, theirs = loop.run(opened())
    running.callback(lambda: [loop.run(each.close()) for each in (ours, theirs)])
    yield f"async block, {PSYCOPG}", lambda: loop.run(async_blocks(ours.session))
    yield f"async block, {PSYCOPG_POOL}", lambda: loop.run(async_blocks(theirs.connection))


async def async_blocks(block: Callable[[], Any]) -> float:
    """Return the microseconds of a block in asyncio."""
    start = time.thread_time()
    for _ in range(USES):
        async with block():
            pass
    return (time.thread_time() - start) / USES * 1e6


def pairs(get: Callable[[], Any], put: Callable[[Any], Any]) -> Callable[[], float]:
    """Return a round: the microseconds of a get and a put."""
    run = nanoseconds(Lender(get, put, lambda: None), USES)
    return lambda: run() / 1e3
