"""Real servers hang up on idle sessions: each pool is whole again by itself, with no checkout and no ping."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import pingpool
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ValkeyServer
from tests.databases.waiting import until, until_in_asyncio

pytestmark = pytest.mark.server
pytest_plugins = ["pingpool.testing.fixtures"]

SIZE = 6


def sessions_at(server: PrivateServer) -> set[int]:
    """Return the numbers of all sessions but the one that asks."""
    if isinstance(server, ValkeyServer):
        clients = str(server.execute("CLIENT", "LIST", "TYPE", "normal"))
        numbers = [int(word.split("=")[1]) for word in clients.split() if word.startswith("id=")]
        return set(sorted(numbers)[:-1])  # the youngest is the one that asks
    assert isinstance(server, MariaDBServer | PostgresServer)
    return set(server.backends())


@pytest.fixture(params=["postgres", "mariadb", "valkey"])
def server(request: pytest.FixtureRequest) -> PrivateServer:
    """Each of the servers."""
    server: PrivateServer = request.getfixturevalue(f"{request.param}_server")
    return server


def is_replaced(server: PrivateServer, old: set[int]) -> bool:
    """Does the server have as many sessions as before, all of them new?"""
    now = sessions_at(server)
    return len(now) == SIZE and not now & old


def facts(pool: Any) -> tuple[int, int, int]:
    """Return how often anybody asked for a session, or for a proof."""
    stats = pool.stats()
    return stats.immediate, stats.waited, stats.pings


def test_sessions_among_threads(server: PrivateServer) -> None:
    """The server ends all sessions; it soon has as many others, and nobody asked."""
    with pingpool.open(server.url, size=SIZE, ping_interval=3000, wait_for=None) as pool:
        for session in [pool.get() for _ in range(SIZE)]:
            pool.put(session)  # it is proven now, and will not count as dead on arrival
        for _ in range(3):
            old, before = sessions_at(server), facts(pool)
            server.terminate_backends()
            until(partial(is_replaced, server, old))
            until(lambda: pool.stats().idle == SIZE)
            assert facts(pool) == before
            for session in [pool.get() for _ in range(SIZE)]:
                pool.put(session)
        assert pool.stats().replaced == {"gone": 3 * SIZE}


def open_by_url(server: PrivateServer) -> Any:
    """Open a pool for asyncio by the server's URL."""
    return pingpool.open_async(server.url, size=SIZE, ping_interval=3000, wait_for=None)


def open_by_asyncpg(server: PrivateServer) -> Any:
    """Open one that uses asyncpg."""
    from pingpool.databases.postgres import AsyncPG

    return pingpool.open_async(AsyncPG.from_url(server.url), size=SIZE, ping_interval=3000, wait_for=None)


async def outlive(open_pool: Callable[[PrivateServer], Any], server: PrivateServer) -> None:
    """Have all sessions ended by the server, three times."""
    async with open_pool(server) as pool:
        for _ in range(3):
            for session in [await pool.get() for _ in range(SIZE)]:
                await pool.put(session)
            old, before = sessions_at(server), facts(pool)
            server.terminate_backends()
            await until_in_asyncio(partial(is_replaced, server, old))
            await until_in_asyncio(lambda: pool.stats().idle == SIZE)
            assert facts(pool) == before
        assert pool.stats().replaced == {"gone": 3 * SIZE}


def test_sessions_of_tasks(server: PrivateServer) -> None:
    """The same in asyncio, while the loop does other things."""
    asyncio.run(outlive(open_by_url, server))


def test_sessions_of_asyncpg(postgres_server: PostgresServer) -> None:
    """The same with asyncpg, which reads the server's last words by itself."""
    asyncio.run(outlive(open_by_asyncpg, postgres_server))
