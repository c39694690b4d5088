"""A server ends a hundred idle sessions at night: nobody asks for one, no ping is due, and the pool is whole again.

They all die at the same moment, so new ones are opened as carefully as after any death; so they are when the server has
been restarted. Where it was away for longer, it is met as gently as in `test_many_pools`.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

import pingpool
from pingpool.testing.servers import PostgresServer
from pingpool.testing.skipping import skipped_if_missing

pytestmark = [pytest.mark.server, pytest.mark.proof]

SIZE = 100
OPTIONS: dict[str, Any] = {"size": SIZE, "ping_interval": 3000, "wait_for": None}

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY (ARRAY[{}])"
"""Ends sessions all at the same moment: it waits for none of them to end."""

AT_ONCE = 1.0
"""Seconds within which all is well again after the server has hung up on all sessions."""

BUSY = 4.0
"""So many times as long on a busy machine."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server with room for twice as many."""
    with skipped_if_missing(), PostgresServer(settings={"max_connections": 2 * SIZE + 20}) as server:
        yield server


def is_whole(pool: Any) -> bool:
    """Was every session replaced?"""
    stats = pool.stats()
    return stats.idle == SIZE and stats.replaced.get("gone") == SIZE


def asked_of(pool: Any) -> tuple[int, int, int]:
    """Return how many sessions were lent, and how many pinged."""
    stats = pool.stats()
    return stats.immediate, stats.waited, stats.pings


async def come_back(pool: Any, patience: float) -> None:
    """Wait until every session was replaced."""
    until = time.monotonic() + patience
    while not is_whole(pool):
        assert time.monotonic() < until, pool.stats()
        await asyncio.sleep(0.005)


async def lose_all(server: PostgresServer, pool: Any, world: str) -> None:
    """Have the server hang up on all sessions while it stays."""
    old, asked = set(server.backends()), asked_of(pool)
    began = time.monotonic()
    await asyncio.to_thread(server.execute, END_ALL.format(",".join(map(str, old))))
    await come_back(pool, AT_ONCE * BUSY)
    took = time.monotonic() - began
    now = set(server.backends())
    sys.stdout.write(f"\n{world}: {SIZE} killed, whole again after {took:.2f} s\n")
    assert (len(now), now & old, asked_of(pool)) == (SIZE, set(), asked)


async def be_restarted(server: PostgresServer, pool: Any, world: str) -> None:
    """Have the server restarted; all that died is known at once, and replaced as soon as it is back."""
    asked = asked_of(pool)
    stopped = time.monotonic()
    await asyncio.to_thread(server.stop)
    while pool.stats().replaced.get("gone") != SIZE:
        assert time.monotonic() - stopped < AT_ONCE * BUSY
        await asyncio.sleep(0.005)
    known = time.monotonic() - stopped
    assert pool.stats().idle == 0
    await asyncio.to_thread(server.start)
    back = time.monotonic()
    await come_back(pool, AT_ONCE * BUSY)
    took = time.monotonic() - back
    sys.stdout.write(f"\n{world}: restarted, all known dead after {known:.2f} s, whole {took:.2f} s after its return\n")
    assert (len(server.backends()), asked_of(pool)) == (SIZE, asked)


SCENES = pytest.mark.parametrize("scene", [lose_all, be_restarted])


@SCENES
def test_idle_sessions_of_threads(server: PostgresServer, scene: Any) -> None:
    """With no checkout and no ping every session is another one, counted on the server."""
    with pingpool.open(server.url, **OPTIONS) as pool:
        for session in [pool.get() for _ in range(SIZE)]:
            pool.put(session)
        asyncio.run(scene(server, pool, "threads"))


@SCENES
def test_idle_sessions_of_tasks(server: PostgresServer, scene: Any) -> None:
    """The same in asyncio, where the loop has to be running."""

    async def main() -> None:
        async with pingpool.open_async(server.url, **OPTIONS) as pool:
            for session in [await pool.get() for _ in range(SIZE)]:
                await pool.put(session)
            await scene(server, pool, "asyncio")

    asyncio.run(main())
