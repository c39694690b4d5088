"""PostgreSQL by asyncpg: which errors lose a session, and what its last holder left open."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.postgres import AsyncPG
from pingpool.databases.postgres.asyncpg import is_busy
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer, PrivateServer
from tests.aio.errors import error_of
from tests.databases.backends import opened_at, until_collected
from tests.databases.waiting import SOON, until_in_asyncio

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

ProxyFor = Callable[[PrivateServer], FaultProxy]


async def asleep(session: Any) -> "asyncio.Task[object]":
    """Return a task in which a long statement runs."""
    task: asyncio.Task[object] = asyncio.create_task(session.fetchval("SELECT pg_sleep(60)"))
    await asyncio.sleep(0)
    return task


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_is_left_of_a_pool_that_was_dropped_after_its_loop(postgres_server: PostgresServer) -> None:
    """It could not be closed in good order, so the server is told by the end of its sockets."""

    async def main() -> pingpool.AsyncPingingPool[Any]:
        return await pingpool.open_async(postgres_server.url.replace("postgresql", "asyncpg"), size=2, wait_for=2)

    pool, ours = opened_at(postgres_server, lambda: asyncio.run(main()))
    assert len(ours) == 2
    del pool
    until_collected(postgres_server, ours)


# Errors


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_link_that_breaks_loses_the_session(postgres_server: PostgresServer, fault_proxy: ProxyFor, how: str) -> None:
    """asyncpg says so in words of its own, in the middle of a statement, at the start of one, and ever after."""
    proxy = fault_proxy(postgres_server)
    database = AsyncPG(postgres_server.url_at(proxy.port))

    async def main() -> list[BaseException]:
        busy, idle = [await database.create(labels={}, timeout=SOON) for _ in range(2)]
        statement = await asleep(busy)
        getattr(proxy, how)()
        at_the_start = await error_of(idle.execute("SELECT 1"))
        return [await error_of(statement), at_the_start, await error_of(busy.execute("SELECT 1"))]

    for error in asyncio.run(main()):
        assert database.meaning_of(error) is Meaning.LOST, error


def test_a_statement_into_a_black_hole_costs_the_session(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """A `TimeoutError` says nothing; but the statement is still under way, so the next caller gets another session."""
    proxy = fault_proxy(postgres_server)

    async def main() -> None:
        async with pingpool.open_async(
            AsyncPG(postgres_server.url_at(proxy.port)), size=1, io_timeout=SOON, default_timeout=SOON
        ) as pool:
            with pytest.raises(TimeoutError):
                async with pool.session() as first:
                    proxy.freeze()
                    await first.execute("SELECT 1", timeout=0.05)
            pool_waits = asyncio.create_task(use_another(pool, first))
            await asyncio.sleep(0)
            await asyncio.to_thread(proxy.cut)
            proxy.thaw()
            await pool_waits

    asyncio.run(main())


async def use_another(pool: Any, first: Any) -> None:
    """Use a session that is not the first."""
    async with pool.session() as second:
        assert second is not first
        assert await second.fetchval("SELECT 42") == 42


def test_errors_of_the_application_lose_nothing() -> None:
    """Files, other services, statements, and what else is closed in asyncpg are not the session's trouble."""
    others = [
        FileNotFoundError("template"),
        ConnectionResetError("another service"),
        TimeoutError(),
        asyncpg.UniqueViolationError("twice"),
        asyncpg.InterfaceError("cannot call Cursor.fetch(): the prepared statement is closed"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InternalClientError("no binary format encoder for type x"),
    ]
    assert not any(AsyncPG().meaning_of(error) is Meaning.LOST for error in others)


def test_what_the_server_complains_of_loses_nothing(postgres_server: PostgresServer) -> None:
    """A wrong statement, or one that was cancelled, says nothing of the session: a ping that meets one ends none."""
    database = AsyncPG(postgres_server.url)

    async def main() -> list[BaseException]:
        session = await database.create(labels={}, timeout=SOON)
        await session.execute("SET statement_timeout = '10ms'")
        errors = [await error_of(session.execute(each)) for each in ("SELEC 1", "SELECT pg_sleep(5)")]
        await session.close()
        return errors

    assert [database.meaning_of(error) for error in asyncio.run(main())] == [Meaning.TRANSIENT] * 2


# Last words


def test_last_words_are_seen_before_the_server_hangs_up(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """A session that was told of its end does not look alive before it ends; using it is a loss, ending it no wait."""
    proxy = fault_proxy(postgres_server)
    database = AsyncPG(postgres_server.url_at(proxy.port))

    async def main() -> BaseException:
        told, used = [await database.create(labels={}, timeout=SOON) for _ in range(2)]
        for session in (told, used):
            assert database.looks_alive(session)
            # What the server would send, in front of its FIN.
            words = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
            session._transport.get_protocol().data_received(b"E" + (len(words) + 4).to_bytes(4, "big") + words)
            assert not session.is_closed()
            assert not database.looks_alive(session)
        error = await error_of(used.execute("SELECT 1"))
        used.terminate()
        proxy.freeze()
        await database.delete(told, timeout=0.2)
        assert told.is_closed()
        return error

    error = asyncio.run(main())
    assert isinstance(error, asyncpg.InternalClientError)
    assert database.meaning_of(error) is Meaning.LOST


def test_a_notice_or_an_error_that_was_answered_is_no_last_word(postgres_server: PostgresServer) -> None:
    """After notices, notifications, failed and cancelled statements a session still looks alive, and is clean."""
    database = AsyncPG(postgres_server.url)

    async def main() -> None:
        session = await database.create(labels={}, timeout=SOON)
        heard: list[object] = []
        await session.add_listener("news", lambda *what: heard.append(what[-1]))
        await asyncio.to_thread(postgres_server.execute, "NOTIFY news, 'rain'")
        await until_in_asyncio(lambda: heard == ["rain"])
        assert database.looks_alive(session)
        await session.reset()
        assert isinstance(await error_of(session.execute("SELEC")), asyncpg.PostgresSyntaxError)
        assert isinstance(await error_of(session.execute("SELECT pg_sleep(9)", timeout=0.01)), TimeoutError)
        await session.execute("DO $$ BEGIN RAISE WARNING 'mind'; END $$")
        assert database.looks_alive(session)
        assert not database.needs_reset(session)
        await session.close()
        assert not database.looks_alive(session)
        assert not database.needs_reset(session)

    asyncio.run(main())


# What was left open


def test_a_session_that_is_still_busy_is_not_handed_on(postgres_server: PostgresServer) -> None:
    """A task of the last holder that still runs a statement keeps nobody from working: the session is replaced."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPG(postgres_server.url), size=1) as pool:
            async with pool.session() as first:
                left = await asleep(first)
            await use_another(pool, first)
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)

    asyncio.run(main())


def test_a_statement_that_took_too_long_costs_no_session(postgres_server: PostgresServer) -> None:
    """asyncpg cancels it, and the session comes back when the server has agreed."""
    database = AsyncPG(postgres_server.url)

    async def main() -> None:
        session = await database.create(labels={}, timeout=SOON)
        assert isinstance(await error_of(session.execute("SELECT pg_sleep(9)", timeout=0.01)), TimeoutError)
        assert database.needs_reset(session)
        await database.reset(session, timeout=SOON)
        assert not database.needs_reset(session)
        await session.close()

    asyncio.run(main())


def test_nobody_listens_to_what_the_last_holder_asked_for(postgres_server: PostgresServer) -> None:
    """Listeners that were left are gone when the session is lent again, those for notices too."""

    async def main() -> None:
        heard: list[object] = []
        async with pingpool.open_async(AsyncPG(postgres_server.url), size=1) as pool:
            async with pool.session() as first:
                await first.add_listener("news", lambda *what: heard.append(what))
            async with pool.session() as second:
                assert second is first
                await second.execute("NOTIFY news, 'rain'")
                second.add_log_listener(lambda *what: heard.append(what))
            async with pool.session() as third:
                await third.execute("DO $$ BEGIN RAISE WARNING 'mind'; END $$")
        assert heard == []

    asyncio.run(main())


def test_a_full_reset_clears_the_session(postgres_server: PostgresServer) -> None:
    """With `reset="full"` settings, the role and temporary tables are gone, and prepared statements still work."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPG(postgres_server.url, reset="full"), size=1) as pool:
            for _ in range(3):
                async with pool.session() as session:
                    assert await session.fetchval("SHOW statement_timeout") == "0"
                    assert await session.fetchval("SELECT current_user") == "postgres"
                    assert await session.fetchval("SELECT to_regclass('pg_temp.mine')") is None
                    assert await session.fetchval("SELECT $1::int", 42) == 42
                    await session.execute("CREATE TEMPORARY TABLE mine (x int)")
                    await session.execute("SET statement_timeout = '5s'")
                    await session.execute("SET ROLE pg_monitor")
            assert pool.stats().created == 1

    asyncio.run(main())
    assert AsyncPG(postgres_server.url, reset="full") != AsyncPG(postgres_server.url)


@pytest.mark.parametrize("how", ["by statement", "by hand"])
def test_a_transaction_left_open_is_rolled_back_without_a_complaint(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """asyncpg would log an error for each transaction that its reset finds open."""

    async def main() -> None:
        database = AsyncPG(postgres_server.url)
        session = await database.create(labels={}, timeout=SOON)
        if how == "by hand":
            await session.transaction().start()
        else:
            await session.execute("BEGIN")
        assert database.needs_reset(session)
        await database.reset(session, timeout=SOON)
        assert not database.needs_reset(session)
        async with session.transaction():
            assert await session.fetchval("SELECT 1") == 1
        await session.close()

    asyncio.run(main())
    assert [record for record in caplog.records if record.name != "pingpool"] == []  # no pool is at work here


def test_a_cancelled_statement_is_over_once_the_server_has_answered(postgres_server: PostgresServer) -> None:
    """asyncpg keeps the future of its own request to cancel: that is no reason to wait for anything."""

    async def main() -> None:
        database = AsyncPG(postgres_server.url)
        session = await database.create(labels={}, timeout=SOON)
        running = f"SELECT 1 FROM pg_stat_activity WHERE pid = {session.get_server_pid()} AND state = 'active'"
        task = await asleep(session)
        await until_in_asyncio(lambda: postgres_server.execute(running))
        task.cancel()
        await until_in_asyncio(lambda: not is_busy(session))
        await database.delete(session, timeout=SOON)

    asyncio.run(main())


# What was prepared, and never run


async def only_prepare(session: Any) -> None:
    """As a holder does who wants to run it later."""
    await session.prepare("SELECT x FROM mine")


async def cut_off(session: Any) -> None:
    """As a time limit does that strikes between preparing and running."""
    get_statement = asyncpg.Connection._get_statement

    async def prepare(*arguments: Any, **named: Any) -> None:
        await get_statement(*arguments, **named)
        raise TimeoutError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(TimeoutError):
        patch.setattr(asyncpg.Connection, "_get_statement", prepare)
        await session.fetch("SELECT x FROM mine WHERE x > $1", 1)


@pytest.mark.parametrize("leave", [only_prepare, cut_off])
def test_what_was_only_prepared_keeps_no_transaction_open(postgres_server: PostgresServer, leave: Any) -> None:
    """The server would stay in one that nobody sees, with its table locked; the worker ends it, the session stays."""
    postgres_server.execute("CREATE TABLE IF NOT EXISTS mine (x int)")

    def is_open(backend: int) -> bool:
        return bool(postgres_server.execute(f"SELECT 1 FROM pg_locks WHERE pid = {backend}"))

    async def main() -> None:
        async with pingpool.open_async(AsyncPG(postgres_server.url), size=1) as pool:
            async with pool.session() as session:
                backend = session.get_server_pid()
                await leave(session)
                assert await asyncio.to_thread(is_open, backend)
            async with pool.session(timeout=SOON) as same:
                assert same is session
                assert not await asyncio.to_thread(is_open, backend)
            assert pool.stats().resets == 1

    asyncio.run(main())


class Own(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A class of the user's."""


def test_what_was_run_costs_nothing(postgres_server: PostgresServer) -> None:
    """A statement that was prepared and run, by whatever way, leaves nothing; the user's own class is kept."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPG(postgres_server.url, connection_class=Own), size=1) as pool:
            async with pool.session() as session:
                assert isinstance(session, Own)
                await session.execute("CREATE TEMPORARY TABLE own (x int, y numeric[])")
                await session.executemany("INSERT INTO own (x) VALUES ($1)", [(1,), (2,)])
                assert await session.fetchval("SELECT count(*) FROM own WHERE y IS NULL") == 2
                statement = await session.prepare("SELECT x FROM own WHERE x = $1")
                assert await statement.fetchval(1) == 1
                async with session.transaction():
                    assert [row["x"] async for row in session.cursor("SELECT x FROM own")] == [1, 2]
            assert pool.stats().resets == 0

    asyncio.run(main())
