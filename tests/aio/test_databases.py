"""The databases of asyncio, each against a real server: opened, proven, killed from outside, replaced, cancelled."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool import Meaning
from pingpool.database import AsyncDatabase
from pingpool.databases.callables import AsyncCallables
from pingpool.databases.in_threads import InThreads
from pingpool.databases.mysql import AsyncMySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, client_on
from pingpool.databases.sqlite import AsyncSQLite, SQLite
from pingpool.testing.ports import free_port
from pingpool.testing.servers import PostgresServer, ValkeyServer
from tests.aio.errors import error_of
from tests.databases.waiting import until_in_asyncio

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

Use = Callable[[Any], Coroutine[Any, Any, Any]]


async def survive_the_death_of_all(database: AsyncDatabase[Any], use: Use, kill_all: Callable[[], object]) -> None:
    """Open a pool, use it, let every session die from outside, and use it again."""
    async with pingpool.open_async(database, size=3, labels={"team": "shop"}) as pool:
        async with pool.session() as session:
            await use(session)
        assert await asyncio.to_thread(kill_all)
        await asyncio.sleep(0.05)  # what the server said reaches the sockets
        casualties: list[Exception] = []
        try:
            async with pool.session() as session:
                await use(session)
        except Exception as error:
            casualties.append(error)
        assert all(database.meaning_of(error) is Meaning.LOST for error in casualties)
        for _ in range(6):
            async with pool.session() as session:
                await use(session)
        await until_in_asyncio(lambda: pool.stats().idle == pool.size)


async def survive_a_cancel(database: AsyncDatabase[Any], hang: Use, use: Use) -> None:
    """A caller who is cancelled in the middle of a statement leaves the next one a session that works."""
    async with pingpool.open_async(database, size=1, io_timeout=5) as pool:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), pool.session() as session:
                    await hang(session)
            async with pool.session() as session:
                await use(session)


async def answer_in_postgres(connection: Any) -> None:
    """Ask PostgreSQL something, by psycopg."""
    cursor = await connection.execute("SELECT 42")
    assert await cursor.fetchone() == (42,)


def test_psycopg_survives_the_death_of_all(postgres_server: PostgresServer) -> None:
    """Sessions of psycopg that the server ended are replaced before anybody else gets them."""
    database = AsyncPostgres(postgres_server.url)
    asyncio.run(survive_the_death_of_all(database, answer_in_postgres, postgres_server.terminate_backends))


def test_psycopg_survives_a_cancel(postgres_server: PostgresServer) -> None:
    """A cancelled statement costs psycopg's session nothing: it was cancelled on the server, and libpq says so."""

    async def hang(connection: Any) -> None:
        await connection.execute("SELECT pg_sleep(30)")

    asyncio.run(survive_a_cancel(AsyncPostgres(postgres_server.url), hang, answer_in_postgres))


def test_psycopg_shows_labels_and_undoes_what_was_left_open(postgres_server: PostgresServer) -> None:
    """Labels are seen in `pg_stat_activity`; a transaction that a block left open is rolled back."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPostgres(postgres_server.url), size=1, labels={"team": "shop"}) as pool:
            async with pool.session() as connection:
                cursor = await connection.execute(
                    "SELECT application_name FROM pg_stat_activity WHERE pid=pg_backend_pid()"
                )
                assert await cursor.fetchone() == ("team=shop",)
                await connection.execute("CREATE TABLE left_open (x int)")
            async with pool.session() as connection:
                cursor = await connection.execute("SELECT to_regclass('left_open')")
                assert await cursor.fetchone() == (None,)

    asyncio.run(main())


def test_asyncpg_survives_the_death_of_all(postgres_server: PostgresServer) -> None:
    """So are those of asyncpg."""

    async def use(connection: Any) -> None:
        assert await connection.fetchval("SELECT 42") == 42

    database = AsyncPG.from_url(postgres_server.url.replace("postgresql", "asyncpg"))
    asyncio.run(survive_the_death_of_all(database, use, postgres_server.terminate_backends))


def test_asyncpg_survives_a_cancel(postgres_server: PostgresServer) -> None:
    """A cancelled statement costs asyncpg's session, and the next caller gets another one."""

    async def use(connection: Any) -> None:
        assert await connection.fetchval("SELECT 42") == 42

    async def hang(connection: Any) -> None:
        await connection.execute("SELECT pg_sleep(30)")

    asyncio.run(survive_a_cancel(AsyncPG(postgres_server.url), hang, use))


def test_a_wrong_password_is_said_at_once() -> None:
    """Both drivers for PostgreSQL know a refusal that waiting will not heal, and no error names the password."""
    with PostgresServer(password="right") as server:
        for database in (AsyncPostgres, AsyncPG):

            async def main(database: Any = database) -> None:
                with pytest.raises(pingpool.CannotFill) as caught:
                    await pingpool.open_async(database(server.url.replace("right", "wrong")), size=1)
                assert "wrong" not in str(caught.value)
                assert database("").meaning_of(caught.value.__cause__) is Meaning.REFUSED

            asyncio.run(main())


@pytest.mark.parametrize("place", ["host:abc", "host:0", "[::1]:70000", "user:secret@one:5432,two:-1", "/d?port=x"])
def test_a_port_that_makes_no_sense_is_refused_before_anything_is_connected(place: str) -> None:
    """The drivers for PostgreSQL agree on what a port is, and the error says it, but no password."""
    for scheme in ("asyncpg", "postgresql"):
        with pytest.raises(pingpool.errors.BadURL, match="a port is a number") as caught:
            pingpool.open_async(f"{scheme}://{place}/shop")
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_redis_survives_the_death_of_all(valkey_server: ValkeyServer, scheme: str) -> None:
    """So are those of redis-py and of valkey-py; neither reconnects silently."""

    async def use(connection: Any) -> None:
        number = await client_on(connection).client_id()
        assert numbers.setdefault(connection, number) == number, "the connection was opened again in secret"

    numbers: dict[Any, int] = {}
    database = AsyncRedis.from_url(valkey_server.url.replace("redis", scheme).replace("valkey", scheme))
    asyncio.run(
        survive_the_death_of_all(
            database, use, lambda: valkey_server.execute("CLIENT", "KILL", "TYPE", "normal") or True
        )
    )


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_redis_never_reconnects(valkey_server: ValkeyServer, scheme: str) -> None:
    """A session that was ended fails its command, again and again, also one that a pipeline watches on."""

    async def main() -> None:
        database = AsyncRedis.from_url(valkey_server.url.replace("redis", scheme, 1))
        session = await database.create(labels={}, timeout=5)
        client = client_on(session)
        assert client_on(session) is client
        async with client.pipeline() as pipe:
            await pipe.watch("word")
            await asyncio.to_thread(valkey_server.terminate_backends)
            for call in (partial(pipe.get, "word"), client.ping, client.ping):
                assert database.meaning_of(await error_of(call())) is Meaning.LOST

    asyncio.run(main())


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_redis_hands_no_watch_on(valkey_server: ValkeyServer, scheme: str) -> None:
    """A session that comes back with a pipeline that watches is replaced; one whose pipeline was closed stays."""

    async def main() -> None:
        database = AsyncRedis.from_url(valkey_server.url.replace("redis", scheme, 1))
        async with pingpool.open_async(database, size=1) as pool:
            async with pool.session() as first, client_on(first).pipeline() as pipe:
                await pipe.watch("word")
            async with pool.session() as second:
                assert second is first
                left = client_on(second).pipeline()
                await left.watch("word")
            async with pool.session() as third:
                assert third is not first
                await left.reset()
                assert await client_on(third).ping()
            assert pool.stats().replaced == {"left open": 1}

    asyncio.run(main())


def test_redis_survives_a_cancel(valkey_server: ValkeyServer) -> None:
    """A cancelled command costs the connection, whose answer nobody reads, and nobody else meets that answer."""

    async def hang(connection: Any) -> None:
        await connection.send_command("BLPOP", "nothing", 30)
        await connection.read_response()

    async def use(connection: Any) -> None:
        await connection.send_command("ECHO", "hello")
        assert await connection.read_response() in (b"hello", "hello")

    asyncio.run(survive_a_cancel(AsyncRedis.from_url(valkey_server.url), hang, use))


async def answer_in_sqlite(connection: Any) -> None:
    """Ask SQLite something, by aiosqlite."""
    assert list(await connection.execute_fetchall("SELECT 42")) == [(42,)]


def test_aiosqlite_keeps_what_was_committed(tmp_path: Path) -> None:
    """A file is shared by all sessions; what a block left open is rolled back, what it committed stays."""

    async def main() -> None:
        async with pingpool.open_async(f"sqlite:///{tmp_path}/shop.db", size=3) as pool:
            async with pool.session() as connection:
                await connection.execute("CREATE TABLE t (x)")
                await connection.execute("INSERT INTO t VALUES (1)")
                await connection.commit()
                await connection.execute("INSERT INTO t VALUES (2)")
            for _ in range(6):
                async with pool.session() as connection:
                    assert list(await connection.execute_fetchall("SELECT x FROM t")) == [(1,)]

    asyncio.run(main())


def test_aiosqlite_survives_a_cancel() -> None:
    """A statement that was cancelled is stopped with its session."""

    async def hang(connection: Any) -> None:
        await connection.execute("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n")

    asyncio.run(survive_a_cancel(AsyncSQLite(), hang, answer_in_sqlite))


def test_aiosqlite_replaces_what_somebody_closed() -> None:
    """A connection that its holder closed is replaced before it is lent."""

    async def main() -> None:
        async with pingpool.open_async(AsyncSQLite(), size=2) as pool:
            async with pool.session() as connection:
                await connection.close()
            for _ in range(4):
                async with pool.session() as connection:
                    await answer_in_sqlite(connection)

    asyncio.run(main())


def test_coroutine_functions_make_a_database() -> None:
    """Whatever can be opened by a coroutine can be pooled."""

    class Line:
        is_open = True

        async def aclose(self) -> None:
            self.is_open = False

    async def call() -> Line:
        lines.append(Line())
        return lines[-1]

    lines: list[Line] = []

    async def main() -> None:
        async with pingpool.open_async(AsyncCallables(call), size=2) as pool, pool.session() as line:
            assert line.is_open
        assert [line.is_open for line in lines] == [False, False]

    asyncio.run(main())


def test_a_database_of_threads_serves_asyncio(postgres_server: PostgresServer) -> None:
    """A `Database` in threads keeps all its judgement, and the loop goes on while it hangs."""

    async def main() -> None:
        async with pingpool.open_async(InThreads(SQLite()), size=2) as pool:
            async with pool.session() as connection:
                assert connection.execute("SELECT 42").fetchone() == (42,)
                connection.close()
            async with pool.session() as connection:
                assert isinstance(connection, sqlite3.Connection)
                assert connection.execute("SELECT 42").fetchone() == (42,)
        postgres_server.pause()
        try:
            pool = pingpool.AsyncPingingPool(1, io_timeout=0.2)
            with pytest.raises(pingpool.CannotFill):
                await pool.bind(InThreads(Postgres(postgres_server.url)))
        finally:
            postgres_server.resume()

    asyncio.run(main())


def test_a_session_in_a_thread_that_was_cut_off_is_lent_no_more() -> None:
    """The thread may not have come to the driver yet when its task is cancelled, so the driver's word is no good."""

    async def main() -> None:
        begun = threading.Event()
        with ThreadPoolExecutor(1) as busy:
            busy.submit(begun.wait)  # what is asked next has to wait for its thread
            async with pingpool.open_async(InThreads(SQLite()), size=1) as pool:
                used: list[sqlite3.Connection] = []

                async def use() -> None:
                    async with pool.session() as connection:
                        used.append(connection)
                        await asyncio.get_running_loop().run_in_executor(busy, connection.execute, "SELECT 1")

                task = asyncio.create_task(use())
                while not used:
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                async with pool.session() as connection:
                    begun.set()
                    assert connection is not used[0]
                assert pool.stats().replaced == {"tainted": 1}

    asyncio.run(main())


def test_no_server_is_told_apart_from_a_full_one() -> None:
    """Where nobody listens one may soon ask again; all drivers tell when that is."""

    def create_error(database: AsyncDatabase[Any]) -> BaseException:
        return asyncio.run(error_of(database.create(labels={}, timeout=5)))

    with PostgresServer(
        settings={"max_connections": 1, "superuser_reserved_connections": 0, "max_wal_senders": 0}
    ) as server:
        connection = psycopg.connect(server.url)
        for database in (AsyncPostgres(server.url), AsyncPG(server.url)):
            assert database.meaning_of(create_error(database)) is not Meaning.UNREACHABLE
        connection.close()
        server.stop()
        for database in (AsyncPostgres(server.url), AsyncPG(server.url)):
            assert database.meaning_of(create_error(database)) is Meaning.UNREACHABLE
    for nowhere in (AsyncRedis("127.0.0.1", free_port()), AsyncMySQL("127.0.0.1", free_port())):
        assert nowhere.meaning_of(create_error(nowhere)) is Meaning.UNREACHABLE


async def killed_before_the_loop_hears(database: AsyncDatabase[Any], kill: Callable[[], object]) -> bool:
    """Open a session, kill it, and let the pool look at it before the loop has had a turn."""
    session = await database.create(labels={}, timeout=5)
    assert database.looks_alive(session)
    kill()
    seen = database.looks_alive(session)
    await database.delete(session, timeout=1)
    return seen


def test_a_hang_up_is_seen_before_the_loop_has_heard_of_it(
    postgres_server: PostgresServer, valkey_server: ValkeyServer
) -> None:
    """A session that the server has ended is not handed out, however busy the loop is."""
    for database in (AsyncPostgres(postgres_server.url), AsyncPG(postgres_server.url)):
        assert not asyncio.run(killed_before_the_loop_hears(database, postgres_server.terminate_backends))
    database = AsyncRedis.from_url(valkey_server.url)
    assert not asyncio.run(killed_before_the_loop_hears(database, valkey_server.terminate_backends))
