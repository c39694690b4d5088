"""`renew()` on a real server, under the load of twice as many callers as there are sessions."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

import pingpool
from pingpool import Stats
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until, until_in_asyncio

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

SIZE, CALLERS = 4, 8
COUNT = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'renewed'"


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a role of which the server counts the sessions."""
    postgres_server.execute("DROP ROLE IF EXISTS renewed; CREATE ROLE renewed LOGIN")
    yield postgres_server.url.replace("postgres@", "renewed@", 1)
    until(lambda: int(postgres_server.execute(COUNT)[0][0]) == 0)
    postgres_server.execute("DROP ROLE renewed")


def out_of_use(stats: Stats) -> int:
    """How many slots have no session that anybody could have."""
    return stats.vacant + stats.creating + stats.closing


@contextmanager
def counted(server: PostgresServer, stats: Callable[[], Stats]) -> Iterator[list[tuple[int, int]]]:
    """Count, until the end of the block, the sessions at the server, and the slots out of use: again and again."""
    seen: list[tuple[int, int]] = []
    is_over = threading.Event()

    def count() -> None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            while not is_over.wait(0.001):
                [(sessions,)] = connection.execute(COUNT)
                seen.append((sessions, out_of_use(stats())))

    with ThreadPoolExecutor(1) as counter:
        counting = counter.submit(count)
        try:
            until(lambda: seen or counting.done())
            yield seen
        finally:
            is_over.set()
            counting.result()


def check(seen: list[tuple[int, int]], before: set[int], after: set[int], stats: Stats) -> None:
    """Every session was replaced by a new one, and never was more than one missing."""
    assert len(before) == len(after) == SIZE
    assert not before & after
    assert min(sessions for sessions, _ in seen) >= SIZE - 1
    assert max(out for _, out in seen) <= 1
    assert stats.replaced == {"renewed": SIZE}
    assert (stats.timed_out, stats.create_failures, stats.created) == (0, 0, 2 * SIZE)


def test_threads_go_on_while_all_sessions_are_renewed(postgres_server: PostgresServer, url: str) -> None:
    """No caller sees an error, no more than one slot is out of use at a time, and all backends are new afterwards."""
    is_over = threading.Event()
    uses: list[int] = []

    def work(pool: pingpool.PingingPool[psycopg.Connection]) -> None:
        while not is_over.is_set():
            with pool.session(SOON) as connection:
                connection.execute("SELECT 1")  # what it leaves open is rolled back, so it never comes back at once
            uses.append(1)

    def backends() -> set[int]:
        sessions = [pool.get(SOON) for _ in range(SIZE)]
        for session in sessions:
            pool.put(session)
        return {session.info.backend_pid for session in sessions}

    with pingpool.open(url, size=SIZE, wait_for=None) as pool, ThreadPoolExecutor(CALLERS) as callers:
        before = backends()
        work_done = [callers.submit(work, pool) for _ in range(CALLERS)]
        try:
            until(lambda: len(uses) > CALLERS)
            with counted(postgres_server, pool.stats) as seen:
                pool.renew()
                until(lambda: pool.stats().renewing == 0)
        finally:
            is_over.set()
        for done in work_done:
            done.result()
        check(seen, before, backends(), pool.stats())


def test_tasks_go_on_while_all_sessions_are_renewed(postgres_server: PostgresServer, url: str) -> None:
    """The same in asyncio."""

    async def work(pool: pingpool.AsyncPingingPool[psycopg.AsyncConnection], is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            async with pool.session(SOON) as connection:
                await connection.execute("SELECT 1")

    async def backends(pool: pingpool.AsyncPingingPool[psycopg.AsyncConnection]) -> set[int]:
        sessions = [await pool.get(SOON) for _ in range(SIZE)]
        for session in sessions:
            await pool.put(session)
        return {session.info.backend_pid for session in sessions}

    async def main() -> None:
        is_over = asyncio.Event()
        async with pingpool.open_async(url, size=SIZE, wait_for=None) as pool:
            before = await backends(pool)
            async with asyncio.TaskGroup() as group:
                for _ in range(CALLERS):
                    group.create_task(work(pool, is_over))
                await until_in_asyncio(lambda: pool.stats().waited > CALLERS)
                with counted(postgres_server, pool.stats) as seen:
                    await pool.renew()
                    await until_in_asyncio(lambda: pool.stats().renewing == 0)
                is_over.set()
            check(seen, before, await backends(pool), pool.stats())

    asyncio.run(main())
