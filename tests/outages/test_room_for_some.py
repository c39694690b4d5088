"""A server that has room for six sessions of a role, and two pools of four: each serves with what it gets."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import pingpool
from pingpool.testing.servers import PostgresServer

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

SIZE, ROOM = 4, 6
CALLERS, USES = 6, 20
PATIENCE = 30.0
"""Seconds within which every checkout, and the healing, must come; only a test that fails takes so long."""


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a role that may have so many sessions, and no more."""
    postgres_server.execute(f"DROP ROLE IF EXISTS crowded; CREATE ROLE crowded LOGIN CONNECTION LIMIT {ROOM}")
    yield postgres_server.url.replace("postgres@", "crowded@", 1)
    postgres_server.execute("DROP ROLE crowded")


def test_two_pools_of_threads(url: str) -> None:
    """Both open, no checkout fails, each has a session at least, and one heals when the other closes."""

    def use(pool: pingpool.PingingPool[object]) -> None:
        for _ in range(USES):
            with pool.session(PATIENCE) as connection:
                connection.execute("SELECT 1")  # type: ignore[attr-defined]  # a connection of psycopg

    with pingpool.open(url, size=SIZE) as second:
        with pingpool.open(url, size=SIZE) as first, ThreadPoolExecutor(2 * CALLERS) as callers:
            list(callers.map(use, [first, second] * CALLERS))
            for pool in (first, second):
                pool.wait(0, sessions=1)
                assert pool.stats().timed_out == 0
        second.wait(PATIENCE)
        assert second.stats().idle == SIZE


def test_two_pools_of_tasks(url: str) -> None:
    """The same in asyncio."""

    async def use(pool: pingpool.AsyncPingingPool[object]) -> None:
        for _ in range(USES):
            async with pool.session(PATIENCE) as connection:
                await connection.execute("SELECT 1")  # type: ignore[attr-defined]  # a connection of psycopg

    async def main() -> None:
        async with pingpool.open_async(url, size=SIZE) as second:
            async with pingpool.open_async(url, size=SIZE) as first:
                await asyncio.gather(*(use(pool) for pool in [first, second] * CALLERS))
                for pool in (first, second):
                    await pool.wait(0, sessions=1)
                    assert pool.stats().timed_out == 0
            await second.wait(PATIENCE)
            assert second.stats().idle == SIZE

    asyncio.run(main())
