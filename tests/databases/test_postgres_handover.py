"""PostgreSQL by its three drivers: what one holder leaves, and what of it the next one finds, at each level of reset.

The table is in docs/postgres.md; each of its cells is here.
"""

from typing import Any

import pytest

import pingpool
from pingpool import AsyncPingingPool
from pingpool.testing.servers import PostgresServer
from tests.databases.postgres_drivers import InThread, by_each_driver, in_asyncio
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

Pool = AsyncPingingPool[Any]

ON_THE_SERVER = {
    "setting": ("SET timezone TO 'Asia/Tokyo'", "SHOW timezone"),
    "role": ("SET ROLE pg_monitor", "SELECT current_user"),
    "temporary table": ("CREATE TEMPORARY TABLE mine (x int)", "SELECT to_regclass('pg_temp.mine') IS NULL"),
    "cursor with hold": ("DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors"),
    "LISTEN": ("LISTEN news", "SELECT count(*) FROM pg_listening_channels()"),
    "PREPARE": ("PREPARE mine AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements WHERE from_sql"),
    "advisory lock": (
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
}
"""What a holder does to a session, and commits, and the question that shows it."""

OPEN = {
    "transaction": ["BEGIN", "CREATE TABLE mine (x int)"],
    "savepoint": ["BEGIN", "SAVEPOINT mine", "CREATE TABLE mine (x int)"],
    "cursor": ["BEGIN", "CREATE TABLE mine (x int)", "DECLARE mine CURSOR FOR SELECT 1"],
}
"""What a holder leaves open."""


async def leave_committed(pool: Pool, driver: InThread, statement: str, error: Exception | None = None) -> None:
    """Run a statement and commit it, in a block that may end in an error."""
    try:
        async with pool.session() as session:
            await driver.rows(session, statement)
            await driver.commit(session)
            if error is not None:
                raise error
    except KeyError:
        pass


async def ask(pool: Pool, driver: InThread, question: str) -> list[tuple[Any, ...]]:
    """Return what the next holder sees."""
    async with pool.session(timeout=SOON) as session:
        seen = await driver.rows(session, question)
        await driver.commit(session)
    return seen


# What is on the server


@pytest.mark.parametrize("error", [None, KeyError("an error of the application")], ids=["well", "error"])
@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("what", ON_THE_SERVER)
@by_each_driver
@in_asyncio
async def test_what_is_on_the_server(
    postgres_server: PostgresServer, driver: InThread, what: str, reset: str, error: Exception | None
) -> None:
    """It goes on to the next holder, but by a full reset, and but for locks, which no error leaves held."""
    change, question = ON_THE_SERVER[what]
    async with pingpool.open_async(driver.database(postgres_server.url, reset=reset), size=1) as pool:
        clean = await ask(pool, driver, question)
        await leave_committed(pool, driver, change, error)
        is_let_go = reset == "full" or (what == "advisory lock" and error is not None)
        if what == "PREPARE" and not driver.is_psycopg:  # asyncpg counts on its own
            is_let_go = False
        assert (await ask(pool, driver, question) == clean) is is_let_go
        assert pool.stats().created == 1


@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("what", OPEN)
@by_each_driver
@in_asyncio
async def test_what_is_open_is_rolled_back(
    postgres_server: PostgresServer, driver: InThread, what: str, reset: str
) -> None:
    """Nothing of it is seen, or done, by the next holder, whose own work is committed."""
    async with pingpool.open_async(driver.database(postgres_server.url, reset=reset), size=1) as pool:
        async with pool.session() as first:
            for each in OPEN[what]:
                await driver.rows(first, each)
        async with pool.session(timeout=SOON) as second:
            assert second is first
            assert await driver.rows(second, "SELECT to_regclass('mine') IS NULL") == [(True,)]
            assert await driver.rows(second, "SELECT count(*) FROM pg_cursors WHERE name = 'mine'") == [(0,)]
            await driver.rows(second, "CREATE TABLE yours (x int)")
            await driver.commit(second)
    assert postgres_server.execute("SELECT to_regclass('yours')") == [("yours",)]
    postgres_server.execute("DROP TABLE yours")
