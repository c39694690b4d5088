"""MariaDB by aiomysql: what is proven, seen, undone and lost, on real servers."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.mysql import AsyncMySQL
from pingpool.databases.mysql.codes import IN_TRANSACTION
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer
from tests.aio.errors import error_of
from tests.aio.mysql_lab import PLAIN, ProxyFor, connect, run, soon
from tests.aio.test_databases import survive_the_death_of_all
from tests.databases.backends import opened_at, until_collected
from tests.databases.waiting import SOON, until

pytestmark = pytest.mark.server

aiomysql: Any = pytest.importorskip("aiomysql")

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb"]


@pytest.fixture
def mysql(mariadb_server: MariaDBServer) -> AsyncMySQL:
    """The database of the private server."""
    return AsyncMySQL.from_url(mariadb_server.url + PLAIN)


# The ping and the look


def test_a_ping_is_one_round_trip_and_a_look_none(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """The proxy counts one round trip for each ping, and none for looks; no transaction is left open."""
    proxy = fault_proxy(mariadb_server)
    mysql = AsyncMySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN)

    async def main() -> None:
        session = await connect(mysql)
        before = proxy.round_trips
        for _ in range(10):
            assert mysql.looks_alive(session)
            mysql.needs_reset(session)
        assert proxy.round_trips == before
        for _ in range(10):
            await mysql.ping(session, timeout=SOON)
        assert proxy.round_trips == before + 10
        assert not session.server_status & IN_TRANSACTION
        session.close()

    asyncio.run(main())


def test_a_ping_never_reconnects(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A terminated session fails its ping, again and again."""

    async def main() -> None:
        session = await connect(mysql)
        mariadb_server.terminate_backends()
        for _ in range(2):
            error = await error_of(mysql.ping(session, timeout=SOON))
            assert mysql.meaning_of(error) in (Meaning.LOST, Meaning.UNKNOWN)
        assert mariadb_server.backends() == []

    asyncio.run(main())


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
@pytest.mark.parametrize("end", [FaultProxy.cut, FaultProxy.reset])
def test_a_look_sees_every_kind_of_end(
    strict_server: MariaDBServer, fault_proxy: ProxyFor, end: Callable[[FaultProxy], int], options: str
) -> None:
    """FIN and RST are seen before the loop has heard of them, and after; a ping says that the session is dead."""
    proxy = fault_proxy(strict_server)
    mysql = AsyncMySQL.from_url(strict_server.url_at(proxy.port) + options)

    async def main() -> None:
        session = await connect(mysql)
        assert mysql.looks_alive(session)
        end(proxy)
        until(lambda: not mysql.looks_alive(session))  # meanwhile the loop stands still
        await soon(lambda: session._reader.at_eof() or session._reader.exception() is not None)
        for _ in range(5):
            assert not mysql.looks_alive(session)
            await asyncio.sleep(0)
        assert mysql.meaning_of(await error_of(mysql.ping(session, timeout=SOON))) is Meaning.LOST
        assert not mysql.looks_alive(session)

    asyncio.run(main())


def test_a_look_sees_a_last_message(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A session whose server has sent a last message is not lent, whether or not the stream has ended."""

    async def main() -> None:
        session = await connect(mysql)
        session._reader.feed_data(b"\x07\0\0\0\xffbye...")
        assert not mysql.looks_alive(session)
        session.close()

    asyncio.run(main())


def test_a_look_under_tls(strict_server: MariaDBServer) -> None:
    """Under TLS, whose tickets may come at any time, a quiet session looks alive and one that was ended does not."""
    mysql = AsyncMySQL.from_url(strict_server.url)

    async def main() -> None:
        session = await connect(mysql)
        assert (await run(session, "SHOW STATUS LIKE 'Ssl_version'"))[1].startswith("TLS")
        assert mysql.looks_alive(session)
        await mysql.ping(session, timeout=SOON)
        assert mysql.looks_alive(session)
        strict_server.terminate_backends()
        await soon(lambda: not mysql.looks_alive(session))
        session.close()

    asyncio.run(main())


def test_an_idle_kill_is_not_handed_out(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A session that the server dropped for idleness is replaced; its next holder notices nothing."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as first:
                await run(first, "SET SESSION wait_timeout = 1")
            await soon(lambda: first.thread_id() not in mariadb_server.backends())
            async with pool.session() as second:
                assert second is not first
                assert await run(second, "SELECT 1") == (1,)

    asyncio.run(main())


def test_an_idle_session_that_was_killed_is_not_handed_out(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """Killed while the loop stood still, it is replaced all the same by the next checkout, which comes at once."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=2) as pool:
            for _ in range(20):
                assert mariadb_server.terminate_backends()
                for _ in range(2):
                    async with pool.session() as session:
                        assert await run(session, "SELECT 1") == (1,)

    asyncio.run(main())


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
def test_a_black_hole_costs_its_session_and_no_more_than_io_timeout(
    strict_server: MariaDBServer, fault_proxy: ProxyFor, options: str
) -> None:
    """A session whose link swallows everything is given up by its ping; its socket is closed, another is lent."""
    proxy = fault_proxy(strict_server)
    mysql = AsyncMySQL.from_url(strict_server.url_at(proxy.port) + options)

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1, ping_interval=0, io_timeout=5) as pool:
            async with pool.session() as first:
                stream = first._writer.get_extra_info("socket")
            proxy.half_open()
            async with pool.session(timeout=60) as second:
                assert second is not first
                assert await run(second, "SELECT 1") == (1,)
            assert stream.fileno() == -1
            assert pool.stats().replaced == {"overran": 1}

    asyncio.run(main())


# What a use may end in


def test_the_death_of_all_is_survived(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """Sessions that the server killed are replaced before anybody else gets them."""

    async def use(session: Any) -> None:
        assert await run(session, "SELECT 42") == (42,)

    asyncio.run(survive_the_death_of_all(mysql, use, mariadb_server.terminate_backends))


def test_a_session_killed_in_use_is_lost(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """Killed inside a statement, or between two, it raises what is lost, and so does whatever is tried after that."""

    async def main() -> None:
        inside, between = await connect(mysql), await connect(mysql)
        statement = asyncio.create_task(run(inside, "SELECT SLEEP(30)"))
        await soon(
            lambda: bool(
                mariadb_server.execute("SELECT 1 FROM information_schema.processlist WHERE state='User sleep'")
            )
        )
        mariadb_server.terminate_backends()
        assert mysql.meaning_of(await error_of(statement)) is Meaning.LOST
        assert mysql.meaning_of(await error_of(run(between, "SELECT 1"))) is Meaning.LOST
        for session in (inside, between):
            assert not mysql.looks_alive(session)
            assert mysql.meaning_of(await error_of(session.rollback())) is Meaning.LOST

    asyncio.run(main())


def test_an_answer_cut_in_the_middle_loses_the_session(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """Who gets half an answer gets an error by which the session is known to be lost; the next gets all of it."""
    proxy = fault_proxy(mariadb_server)
    mysql = AsyncMySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN)

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            with pytest.raises(aiomysql.OperationalError) as raised:
                async with pool.session() as session:
                    proxy.cut_after(1000)
                    await run(session, "SELECT REPEAT('x', 100000)")
            assert mysql.meaning_of(raised.value) is Meaning.LOST
            async with pool.session() as session:
                assert await run(session, "SELECT REPEAT('x', 100000)") == ("x" * 100_000,)

    asyncio.run(main())


def test_what_somebody_closed_is_replaced(mysql: AsyncMySQL) -> None:
    """A connection that its holder closed, politely or not, is replaced before it is lent."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as session:
                session.close()
            async with pool.session() as session:
                await session.ensure_closed()
            async with pool.session() as session:
                assert await run(session, "SELECT 1") == (1,)

    asyncio.run(main())


# The reset


@pytest.mark.parametrize("last", ["SELECT count(*) FROM news", "INSERT INTO news VALUES ('mine')", "COMPLAIN"])
def test_nothing_of_a_transaction_is_handed_on(mariadb_server: MariaDBServer, mysql: AsyncMySQL, last: str) -> None:
    """Neither what a holder left uncommitted, nor the snapshot that a SELECT took, meets the next one."""
    mariadb_server.execute("CREATE OR REPLACE TABLE news (text text) ENGINE=InnoDB")

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            with suppress(aiomysql.ProgrammingError):
                async with pool.session() as first:
                    assert await run(first, "SELECT count(*) FROM news") == (0,)
                    await run(first, last)
            mariadb_server.execute("INSERT INTO news VALUES ('fresh')")
            async with pool.session() as second:
                assert second is first
                assert await run(second, "SELECT text FROM news") == ("fresh",)

    asyncio.run(main())
    mariadb_server.execute("DROP TABLE news")


@pytest.mark.filterwarnings("ignore:Previous unbuffered result")
def test_a_result_left_unread_costs_the_session(mysql: AsyncMySQL) -> None:
    """A streaming cursor that was abandoned would have to be read to its end: the session is replaced."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as first:
                cursor = await first.cursor(aiomysql.SSCursor)
                await cursor.execute("SELECT seq FROM seq_1_to_100000")
                assert await cursor.fetchone() == (1,)
            async with pool.session() as second:
                assert second is not first
                assert await run(second, "SELECT 1") == (1,)

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore:Previous unbuffered result")
@pytest.mark.parametrize("row", ["''", "'', ''", "'', 'aaaa'"])
def test_a_row_of_an_unread_result_is_not_taken_for_the_servers_status(mysql: AsyncMySQL, row: str) -> None:
    """One that begins with an empty text looks like the end of an answer, with flags that would be made of data."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool, pool.session() as session:
            cursor = await session.cursor(aiomysql.SSCursor)
            await cursor.execute(f"SELECT {row} FROM seq_1_to_3")
            await cursor.fetchone()
            assert session.last_answer is not None
            assert session.last_answer.startswith(b"\0")
            assert not mysql.in_transaction(session)

    asyncio.run(main())


def test_a_second_result_left_unread_is_read(mysql: AsyncMySQL) -> None:
    """The results of several statements that nobody asked for are not taken for the answers to the next holder's."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as first:
                cursor = await first.cursor()
                await cursor.execute("SELECT 1; SELECT 2; SELECT 3")
            async with pool.session() as second:
                assert second is first
                assert await run(second, "SELECT 4") == (4,)

    asyncio.run(main())


# The end of the loop


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_pool_that_was_dropped_after_its_loop_goes_without_a_word(
    mariadb_server: MariaDBServer, mysql: AsyncMySQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told by the end of its sockets, and nobody of an error that could not be raised."""
    said: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: said.append(repr(unraisable.exc_value)))

    async def main() -> pingpool.AsyncPingingPool[Any]:
        return await pingpool.open_async(mysql, size=2, wait_for=2)

    pool, ours = opened_at(mariadb_server, lambda: asyncio.run(main()))
    assert len(ours) == 2
    del pool
    until_collected(mariadb_server, ours)
    assert said == []
