"""PostgreSQL: what a holder leaves in the driver, not at the server: attributes, handlers, blocks, two phases."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

import pingpool
from pingpool import AsyncPingingPool
from pingpool.databases.postgres import AsyncPG
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer, PrivateServer
from tests.databases.postgres_drivers import InThread, by_each_driver, by_psycopg, in_asyncio
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

ProxyFor = Callable[[PrivateServer], FaultProxy]

ATTRIBUTES: dict[str, Any] = {
    "autocommit": True,
    "isolation_level": psycopg.IsolationLevel.SERIALIZABLE,
    "read_only": True,
    "deferrable": True,
    "row_factory": dict_row,
    "cursor_factory": psycopg.RawCursor,
    "server_cursor_factory": psycopg.ServerCursor[Any],
    "prepare_threshold": None,
    "prepared_max": 3,
}
"""What psycopg's connections can be set to."""


@pytest.fixture(scope="module")
def two_phase_server() -> Iterator[PostgresServer]:
    """A server that takes two-phase transactions."""
    with PostgresServer(settings={"max_prepared_transactions": 4}) as server:
        yield server


async def set_to(driver: InThread, session: Any, name: str, value: object) -> None:
    """Set an attribute, as either half of psycopg wants it."""
    if isinstance(session, psycopg.AsyncConnection) and hasattr(session, f"set_{name}"):
        await driver.call(getattr(session, f"set_{name}"), value)
    else:
        setattr(session, name, value)


# Attributes


@pytest.mark.parametrize("error", [None, KeyError()], ids=["well", "error"])
@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("name", ATTRIBUTES)
@by_psycopg
@in_asyncio
async def test_what_was_set_on_the_connection_object_is_put_back(
    postgres_server: PostgresServer, driver: InThread, name: str, reset: str, error: Exception | None
) -> None:
    """Whatever the last holder set, and however his use ended, the next one finds the session as it was opened."""
    async with pingpool.open_async(driver.database(postgres_server.url, reset=reset), size=1) as pool:
        try:
            async with pool.session() as first:
                was = getattr(first, name)
                await set_to(driver, first, name, ATTRIBUTES[name])
                assert getattr(first, name) != was
                if error is not None:
                    raise error
        except KeyError:
            pass
        async with pool.session(timeout=SOON) as second:
            assert second is first
            assert getattr(second, name) == was


@by_psycopg
@in_asyncio
async def test_what_the_user_asked_for_is_what_it_is_put_back_to(
    postgres_server: PostgresServer, driver: InThread
) -> None:
    """A pool in autocommit stays so: an insert of the next holder is not rolled back without a word."""
    async with pingpool.open_async(driver.database(postgres_server.url, autocommit=True), size=1) as pool:
        async with pool.session() as session:
            await set_to(driver, session, "autocommit", False)
        async with pool.session(timeout=SOON) as session:
            assert session.autocommit


@by_psycopg
@in_asyncio
async def test_handlers_are_taken_away(postgres_server: PostgresServer, driver: InThread) -> None:
    """Nobody hears of the notices and notifications of the next holder."""
    heard: list[object] = []
    async with pingpool.open_async(driver.database(postgres_server.url, autocommit=True), size=1) as pool:
        async with pool.session() as session:
            session.add_notice_handler(heard.append)
            session.add_notify_handler(heard.append)
            await driver.rows(session, "LISTEN news")
        async with pool.session(timeout=SOON) as session:
            await driver.rows(session, "NOTIFY news")
            await driver.rows(session, "DO $$ BEGIN RAISE WARNING 'mind'; END $$")
    assert heard == []


@pytest.mark.parametrize("context", [None, psycopg.adapt.AdaptersMap(psycopg.adapters)], ids=["common", "given"])
@by_psycopg
@in_asyncio
async def test_adapters_are_taken_away(postgres_server: PostgresServer, driver: InThread, context: Any) -> None:
    """A number is a number for the next holder, whatever the last one wanted to see in its place."""
    async with pingpool.open_async(driver.database(postgres_server.url, context=context), size=1) as pool:
        for _ in range(2):
            async with pool.session(timeout=SOON) as session:
                assert await driver.rows(session, "SELECT 1") == [(1,)]
                session.adapters.register_loader("int4", TextLoader)
                assert await driver.rows(session, "SELECT 1") == [("1",)]
        assert pool.stats().created == 1


@by_psycopg
@in_asyncio
async def test_adapters_that_a_session_was_opened_with_stay(postgres_server: PostgresServer, driver: InThread) -> None:
    """What is registered in the context alone is there for each holder, and is no reason for a reset."""
    context = psycopg.adapt.AdaptersMap(psycopg.adapters)
    context.register_loader("int4", TextLoader)
    database = driver.database(postgres_server.url, context=context)
    async with pingpool.open_async(database, size=1) as pool:
        for _ in range(2):
            async with pool.session() as session:
                assert await driver.rows(session, "SELECT 1") == [("1",)]
                await driver.commit(session)
                assert database.needs_reset(session) is False


@in_asyncio
async def test_codecs_of_asyncpg_go_on(postgres_server: PostgresServer) -> None:
    """asyncpg does not tell of them."""
    async with pingpool.open_async(AsyncPG(postgres_server.url), size=1) as pool:
        async with pool.session() as session:
            await session.set_type_codec("json", encoder=str, decoder=str.upper, schema="pg_catalog")
        async with pool.session(timeout=SOON) as session:
            assert await session.fetchval("""SELECT '"a"'::json""") == '"A"'


@by_psycopg
@in_asyncio
async def test_putting_back_costs_no_round_trip(
    postgres_server: PostgresServer, fault_proxy: ProxyFor, driver: InThread
) -> None:
    """What is kept in the object is compared, and put back, without the server."""
    proxy = fault_proxy(postgres_server)
    async with pingpool.open_async(driver.database(postgres_server.url_at(proxy.port)), size=1) as pool:
        before = proxy.round_trips
        for _ in range(3):
            async with pool.session() as session:
                session.row_factory = dict_row
                await set_to(driver, session, "read_only", True)
        assert proxy.round_trips == before


@in_asyncio
async def test_asyncpg_listens_as_it_did_at_first(postgres_server: PostgresServer) -> None:
    """Listeners that came are taken away, at the server too; those that went come back; no setting is touched."""
    database = AsyncPG(postgres_server.url)
    heard: list[object] = []

    def at_first(*what: object) -> None:
        heard.append(what[-1])

    session = await database.create(labels={}, timeout=SOON)
    await session.add_listener("news", at_first)
    database._listening.remember(session)
    assert database.needs_reset(session) is False
    await session.remove_listener("news", at_first)
    await session.add_listener("news", print)
    await session.add_listener("gossip", print)
    session.add_termination_listener(print)
    await session.execute("SET statement_timeout = '5s'")
    assert database.needs_reset(session) is True
    await database.reset(session, timeout=SOON)
    assert database.needs_reset(session) is False
    assert await session.fetch("SELECT pg_listening_channels()") == [("news",)]
    assert await session.fetchval("SHOW statement_timeout") == "5s"
    await session.execute("NOTIFY news, 'rain'")
    assert heard == ["rain"]
    await database.delete(session, timeout=SOON)


# Blocks that were never left


@by_psycopg
@in_asyncio
async def test_a_block_that_was_never_left_ends_the_session(postgres_server: PostgresServer, driver: InThread) -> None:
    """Its end, whenever that comes, would end a transaction of the next holder; it does not even if SQL ended it."""
    async with pingpool.open_async(driver.database(postgres_server.url), size=1) as pool:
        for ended_by in ("", "COMMIT"):
            async with pool.session(timeout=SOON) as first:
                block = first.transaction()
                await driver.call(block.__aenter__ if hasattr(block, "__aenter__") else block.__enter__)
                if ended_by:
                    await driver.rows(first, ended_by)
            async with pool.session(timeout=SOON) as second:
                assert second is not first
                await driver.rows(second, "SELECT 1")
                await driver.commit(second)
        assert pool.stats().replaced == {"left open": 2}


@in_asyncio
async def test_asyncpg_refuses_a_block_that_ends_too_late(postgres_server: PostgresServer) -> None:
    """The session is rolled back and lent again; a block of its last holder that ends now ends nothing."""
    async with pingpool.open_async(AsyncPG(postgres_server.url), size=1) as pool:
        async with pool.session() as first:
            block = first.transaction()
            await block.__aenter__()
            await first.execute("CREATE TABLE mine (x int)")
        async with pool.session(timeout=SOON) as second:
            assert second is first
            async with second.transaction():
                await second.execute("CREATE TABLE yours (x int)")
                with pytest.raises(asyncpg.InterfaceError, match="released back"):
                    await block.__aexit__(ValueError, ValueError(), None)
    assert postgres_server.execute("SELECT to_regclass('yours'), to_regclass('mine')") == [("yours", "")]
    postgres_server.execute("DROP TABLE yours")


# Two phases


@by_psycopg
@in_asyncio
async def test_a_two_phase_transaction_that_was_begun_is_rolled_back(
    two_phase_server: PostgresServer, driver: InThread
) -> None:
    """The session is lent again, and the next holder's commit is his own."""
    async with pingpool.open_async(driver.database(two_phase_server.url), size=1) as pool:
        async with pool.session() as first:
            await driver.call(first.tpc_begin, first.xid(1, "begun", "here"))
            await driver.rows(first, "CREATE TABLE mine (x int)")
        async with pool.session(timeout=SOON) as second:
            assert second is first
            assert await driver.rows(second, "SELECT to_regclass('mine')") == [(None,)]
            await driver.commit(second)


@pytest.mark.parametrize("error", [None, KeyError()], ids=["well", "error"])
@by_psycopg
@in_asyncio
async def test_a_prepared_transaction_stays_at_the_server(
    two_phase_server: PostgresServer, driver: InThread, error: Exception | None
) -> None:
    """The session is replaced, as "left open"; its name commits the transaction from any other session."""
    async with pingpool.open_async(driver.database(two_phase_server.url), size=1) as pool:
        try:
            async with pool.session() as first:
                xid = first.xid(1, "prepared", "here")
                await driver.call(first.tpc_begin, xid)
                await driver.rows(first, "CREATE TABLE ours (x int)")
                await driver.call(first.tpc_prepare)
                if error is not None:
                    raise error
        except KeyError:
            pass
        async with pool.session(timeout=SOON) as second:
            assert second is not first
            assert await driver.rows(second, "SELECT to_regclass('ours')") == [(None,)]
            await driver.commit(second)
            await driver.call(second.tpc_commit, xid)
        assert pool.stats().replaced == {"left open": 1}
    two_phase_server.execute("DROP TABLE ours")


# What a reset asks of the server


@by_each_driver
@in_asyncio
async def test_no_round_trip_that_is_not_owed(
    postgres_server: PostgresServer, fault_proxy: ProxyFor, driver: InThread
) -> None:
    """500 unused checkouts cost none; 500 that read and commit cost those of their holders."""
    proxy = fault_proxy(postgres_server)
    async with pingpool.open_async(driver.database(postgres_server.url_at(proxy.port)), size=1) as pool:
        await use(pool, driver, 10, "SELECT 1")  # after a few the statement is prepared
        for sql, owed in ((None, 0), ("SELECT 1", 500 * driver.round_trips)):
            before = proxy.round_trips
            await use(pool, driver, 500, sql)
            assert proxy.round_trips == before + owed


async def use(pool: AsyncPingingPool[Any], driver: InThread, times: int, sql: str | None) -> None:
    """Check out a session so many times, and run a statement with its commit, or do nothing."""
    for _ in range(times):
        async with pool.session() as session:
            if sql is not None:
                await driver.rows(session, sql)
                await driver.commit(session)


@by_each_driver
@in_asyncio
async def test_a_function_is_called_each_time_after_the_rollback(
    postgres_server: PostgresServer, driver: InThread
) -> None:
    """It gets a session in which nothing is open: when it is new, and after each use."""
    seen: list[Any] = []
    async with pingpool.open_async(driver.database(postgres_server.url, reset=seen.append), size=1) as pool:
        for _ in range(2):
            async with pool.session(timeout=SOON) as session:
                await driver.rows(session, "CREATE TEMPORARY TABLE mine (x int) ON COMMIT DROP")
        async with pool.session(timeout=SOON):
            assert seen == [session] * 3


@by_psycopg
@in_asyncio
async def test_a_full_reset_forgets_what_was_heard(postgres_server: PostgresServer, driver: InThread) -> None:
    """Notifications that came for the last holder are not read by the next."""
    database = driver.database(postgres_server.url, autocommit=True, reset="full")
    async with pingpool.open_async(database, size=1) as pool:
        async with pool.session() as session:
            await driver.rows(session, "LISTEN news")
            await asyncio.to_thread(postgres_server.execute, "NOTIFY news, 'for the first'")
            await driver.rows(session, "SELECT 1")
        async with pool.session(timeout=SOON) as session:
            await driver.rows(session, "LISTEN gossip")
            await asyncio.to_thread(postgres_server.execute, "NOTIFY gossip, 'for the second'")
            heard = session.notifies(timeout=SOON, stop_after=1)
            notes = (
                [note async for note in heard] if hasattr(heard, "__aiter__") else await asyncio.to_thread(list, heard)
            )
            assert [note.payload for note in notes] == ["for the second"]
