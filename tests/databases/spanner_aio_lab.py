"""A bench for the drop-in for asyncio: one server, the client's `AsyncClient`, and a story that is told in a loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.spanner_v1 import AsyncClient

from pingpool.databases.spanner.aio import AsyncPingingPool
from pingpool.testing import Clock, equip
from pingpool.testing.spanner import SpannerServer
from tests.databases.spanner_lab import server_at_a_new_address, use_the_pool
from tests.databases.waiting import SOON, until_in_asyncio


class ToldTime:
    """The time that the server is told, with timers that go by the real one: whoever wakes too early looks again."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now

    def call_at(self, when: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(when - self.now(), 0), call)


class Lab:
    """One server, and pools of ours on it, in one event loop."""

    def __init__(self, server: SpannerServer) -> None:
        self.server = server
        self._clock = ToldTime(server.clock)  # type: ignore[arg-type]
        self._pools: list[AsyncPingingPool] = []
        self._databases: list[Any] = []

    def pool(self, size: int = 3, *args: Any, **options: Any) -> AsyncPingingPool:
        """An unbound pool that lives by the server's clock."""
        return equip(self.hasty_pool(size, *args, **options), clock=self._clock)

    def hasty_pool(self, size: int = 3, *args: Any, **options: Any) -> AsyncPingingPool:
        """An unbound pool that lives by real time."""
        pool = AsyncPingingPool(size, *args, **options)
        self._pools.append(pool)
        return pool

    async def database(self, pool: Any, name: str = "d", **options: Any) -> Any:
        """The client's `Database`, with the pool bound to it."""
        anonymous: Any = AnonymousCredentials
        where = {"api_endpoint": self.server.address}
        client = AsyncClient("p", anonymous(), client_options=where, disable_builtin_metrics=True)
        database = await client.instance("i").database(name, pool=pool, **options)
        self._databases.append(database)
        return database

    async def bound(self, size: int = 3, **options: Any) -> tuple[AsyncPingingPool, Any]:
        """A pool and its database; what filling it took is forgotten, and one table may be updated."""
        pool = self.pool(size, **options)
        database = await self.database(pool)
        self.server.answer("UPDATE accounts", updated=1)
        self.server.calls.clear()
        return pool, database

    async def close(self) -> None:
        """Close the pools, and the client's connections, which it closes nowhere itself."""
        for pool in self._pools:
            await pool.close(1)
        for database in self._databases:
            await database.spanner_api.transport.close()


def told(**options: Any) -> Callable[[Callable[[Lab], Coroutine[Any, Any, None]]], Callable[..., None]]:
    """Make a test of a story that is told to a lab in an event loop; the options are those of the server."""

    def decorate(story: Callable[[Lab], Coroutine[Any, Any, None]]) -> Callable[..., None]:
        async def main(server: SpannerServer) -> None:
            lab = Lab(server)
            try:
                async with asyncio.timeout(30):
                    await story(lab)
            finally:
                await lab.close()

        def test(monkeypatch: pytest.MonkeyPatch) -> None:
            use_the_pool(monkeypatch)
            with server_at_a_new_address(clock=Clock(), **options) as server:
                asyncio.run(main(server))

        test.__doc__, test.__name__ = story.__doc__, story.__name__
        return test

    return decorate


async def calls(server: SpannerServer, more: int, method: str = "ExecuteStreamingSql") -> None:
    """Wait until so many more calls of a method have arrived than there were."""
    enough = server.calls.count(method) + more
    await until_in_asyncio(lambda: server.calls.count(method) >= enough)


async def take_all(pool: AsyncPingingPool, size: int) -> list[Any]:
    """Check out every session of the pool, all different, and put them back."""
    sessions = [await pool.get(timeout=SOON) for _ in range(size)]
    assert len({session.session_id for session in sessions}) == size
    for session in sessions:
        await pool.put(session)
    return sessions


async def read(database: Any) -> None:
    """Run a statement by way of the client."""
    async with database.snapshot() as snapshot:
        assert [row async for row in await snapshot.execute_sql("SELECT 1")] == [[1]]


async def transact(database: Any) -> None:
    """Update in a transaction."""
    await database.run_in_transaction(update)


async def update(transaction: Any) -> None:
    """Run a statement in a transaction."""
    assert await transaction.execute_update("UPDATE accounts") == 1


async def write(database: Any) -> None:
    """Insert by a batch."""
    async with database.batch() as batch:
        batch.insert("accounts", ["name"], [["ada"]])


async def write_groups(database: Any) -> None:
    """Insert by mutation groups."""
    async with database.mutation_groups() as groups:
        groups.group().insert("accounts", ["name"], [["ada"]])
        assert [answer async for answer in await groups.batch_write()]


async def update_everywhere(database: Any) -> None:
    """Run partitioned DML."""
    await database.execute_partitioned_dml("UPDATE accounts")


USES: list[Callable[[Any], Awaitable[None]]] = [read, transact, write, write_groups, update_everywhere]
