"""MariaDB by aiomysql: what a cancel leaves behind, and how a session ends, on real servers."""

import asyncio
import gc
from typing import Any

import pytest

import pingpool
from pingpool.databases.mysql import AsyncMySQL
from pingpool.testing.servers import MariaDBServer
from tests.aio.errors import error_of
from tests.aio.mysql_lab import PLAIN, CancelledAt, ProxyFor, connect, run, soon
from tests.aio.test_databases import survive_a_cancel
from tests.databases.waiting import SOON

pytest.importorskip("aiomysql")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb"]


@pytest.fixture
def mysql(mariadb_server: MariaDBServer) -> AsyncMySQL:
    """The database of the private server."""
    return AsyncMySQL.from_url(mariadb_server.url + PLAIN)


# Cancelled


def test_a_cancelled_statement_costs_the_session(mysql: AsyncMySQL) -> None:
    """Nobody meets the answer to a statement whose caller was cancelled."""

    async def hang(session: Any) -> None:
        await run(session, "SELECT SLEEP(30)")

    async def use(session: Any) -> None:
        assert await run(session, "SELECT 42") == (42,)

    asyncio.run(survive_a_cancel(mysql, hang, use))


def test_a_cancelled_statement_ends_at_the_server_too(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A server that is busy does not notice that its client has gone: the statement is ended there, with its locks."""

    def sleeping() -> int:
        question = "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'"
        return int(mariadb_server.execute(question)[0][0])

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with pool.session() as session, asyncio.timeout(0.1):
                        await run(session, "SELECT SLEEP(60)")
            await soon(lambda: sleeping() == 0)

    asyncio.run(main())


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
def test_connecting_leaves_nothing_wherever_it_is_cancelled(
    strict_server: MariaDBServer, fault_proxy: ProxyFor, options: str
) -> None:
    """Cancelled at each place where it waits, creating a session passes the cancel on and closes what it had opened."""
    proxy = fault_proxy(strict_server)
    mysql = AsyncMySQL.from_url(strict_server.url_at(proxy.port) + options)

    async def main() -> int:
        step = 0
        while True:
            step += 1
            attempt = CancelledAt(step, connect(mysql))
            try:
                session = await attempt
            except asyncio.CancelledError:
                await soon(lambda: proxy.connections == 0)
                gc.collect()  # a warning of a connection left open is an error
                continue
            assert attempt.steps_left > 0
            session.close()
            return step

    assert asyncio.run(main()) > 4


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "tls"])
@pytest.mark.parametrize("password", ["wrong", "right"])
def test_what_is_refused_hangs_up(strict_server: MariaDBServer, is_plain: bool, password: str) -> None:
    """When the server refuses, early or late, the socket is closed at once, and not when the server sees fit."""
    place = {"host": strict_server.host, "port": strict_server.port, "user": "root"}
    mysql = AsyncMySQL(**place, password=password, init_command="COMPLAIN", ssl_disabled=is_plain)

    async def main() -> None:
        watched = vars(asyncio.get_running_loop())["_selector"].get_map()
        before = len(watched)
        await error_of(connect(mysql))
        await asyncio.sleep(0)
        assert len(watched) == before

    asyncio.run(main())


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
def test_a_cancelled_ping_leaves_no_answer_behind(strict_server: MariaDBServer, options: str) -> None:
    """Cancelled wherever it waits, a ping ends its session, so that nobody takes its answer for another's."""
    mysql = AsyncMySQL.from_url(strict_server.url + options)

    async def main() -> None:
        session = await connect(mysql)
        stream = session._writer.get_extra_info("socket")
        with pytest.raises(asyncio.CancelledError):
            await CancelledAt(1, mysql.ping(session, timeout=SOON))
        assert not mysql.looks_alive(session)
        await soon(lambda: stream.fileno() == -1)
        session = await connect(mysql)
        uncancelled = CancelledAt(2, mysql.ping(session, timeout=SOON))
        await uncancelled
        assert uncancelled.steps_left > 0, "it waits more than once"
        session.close()

    asyncio.run(main())


# The end


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
def test_a_deletion_ends_the_session_on_the_server(strict_server: MariaDBServer, options: str) -> None:
    """The server is told, and has no session any more; a second deletion does nothing."""
    mysql = AsyncMySQL.from_url(strict_server.url + options)

    async def main() -> None:
        session = await connect(mysql)
        assert len(strict_server.backends()) == 1
        aborted = strict_server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
        for _ in range(2):
            await mysql.delete(session, timeout=SOON)
        await soon(lambda: strict_server.backends() == [])
        assert strict_server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'") == aborted

    asyncio.run(main())


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
def test_a_deletion_never_hangs(strict_server: MariaDBServer, fault_proxy: ProxyFor, options: str) -> None:
    """A session whose link takes nothing more is deleted without waiting, and its socket is closed."""
    proxy = fault_proxy(strict_server)
    mysql = AsyncMySQL.from_url(strict_server.url_at(proxy.port) + options)

    async def main() -> None:
        session = await connect(mysql)
        stream = session._writer.get_extra_info("socket")
        proxy.freeze()
        while not session._writer.transport.get_write_buffer_size():
            session._writer.write(bytes(1_000_000))
        deletion = mysql.delete(session, timeout=SOON)
        with pytest.raises(StopIteration):
            deletion.send(None)
        await soon(lambda: stream.fileno() == -1)
        proxy.thaw()

    asyncio.run(main())
