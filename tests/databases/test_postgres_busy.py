"""PostgreSQL: what is still under way when a session comes back is cancelled, and harms nobody when it is ended."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import psycopg
import pytest

import pingpool
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres, cancels
from pingpool.testing.servers import PostgresServer
from tests.databases.postgres_drivers import in_asyncio
from tests.databases.waiting import SOON, error_of, until, until_in_asyncio

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

SLEEP = "SELECT pg_sleep(3600)"

FOR_EVER = 1e5
"""Seconds: only a test that fails takes so long."""


def is_inside(session: Any) -> bool:
    """Whether somebody is inside the driver, and the server at work for him."""
    return bool(session.lock.locked() and session.pgconn.transaction_status == 1)


def is_gone(server: PostgresServer, backend: int) -> bool:
    """Whether the server has ended a session, and whatever ran in it."""
    return server.execute(f"SELECT 1 FROM pg_stat_activity WHERE pid = {backend}") == []


# In threads, by psycopg. What each returns is kept, as a holder may keep it.


def a_statement_that_was_cut_off(session: Any) -> Any:
    """As a time limit by a signal leaves it: nobody waits for the answer."""
    session.pgconn.send_query(SLEEP.encode())


def a_statement_in_another_thread(session: Any) -> Any:
    """Somebody is inside libpq."""

    def run() -> None:
        error_of(session.execute, SLEEP)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: is_inside(session))
    return thread


def copy_out(session: Any) -> Any:
    """Rows are on their way."""
    block = session.cursor().copy("COPY (SELECT generate_series(1, 1000000)) TO STDOUT")
    return block, block.__enter__().read()


def copy_in(session: Any) -> Any:
    """The server waits for rows."""
    block = session.cursor().copy("COPY pg_temp.mine FROM STDIN")
    session.execute("CREATE TEMPORARY TABLE mine (x int)")
    return block, block.__enter__()


def a_stream(session: Any) -> Any:
    """A generator of rows."""
    rows = session.cursor().stream("SELECT generate_series(1, 1000000)")
    return rows, next(rows)


def notifies(session: Any) -> Any:
    """A generator that has the driver's lock, while nothing is under way."""
    session.execute("LISTEN news")
    session.commit()
    with psycopg.connect(session.info.dsn, autocommit=True) as other:
        other.execute("NOTIFY news")
    heard = session.notifies()
    return heard, next(heard)


def a_pipeline(session: Any) -> Any:
    """Errors would be told later, to whoever is there then."""
    block = session.pipeline()
    return block, block.__enter__()


LEFT_IN_THREADS = [
    a_statement_that_was_cut_off,
    a_statement_in_another_thread,
    copy_out,
    copy_in,
    a_stream,
    notifies,
    a_pipeline,
]


@pytest.mark.parametrize("error", [None, KeyError()], ids=["well", "error"])
@pytest.mark.parametrize("leave", LEFT_IN_THREADS)
def test_what_is_under_way_is_never_lent(
    postgres_server: PostgresServer, leave: Callable[[Any], Any], error: Exception | None
) -> None:
    """The session is replaced, as "left busy", and the server has ended what ran in it, though its holder keeps it."""
    with pingpool.open(Postgres(postgres_server.url), size=1) as pool:
        kept: list[Any] = []
        try:
            with pool.session() as first:
                backend = first.info.backend_pid
                kept.append(leave(first))
                if error is not None:
                    raise error
        except KeyError:
            pass
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert second.execute("SELECT 42").fetchone() == (42,)
        until(lambda: is_gone(postgres_server, backend))
        assert pool.stats().replaced == {"left busy": 1}
        for each in kept:
            if isinstance(each, threading.Thread):
                each.join(SOON)
                assert not each.is_alive()


def test_ending_a_session_under_a_running_call_harms_nobody(postgres_server: PostgresServer) -> None:
    """Whoever is inside gets an error of his own; he does not go on with the connection that is opened next."""
    database = Postgres(postgres_server.url, autocommit=True)
    for _ in range(5):
        session = database.create(labels={}, timeout=SOON)
        thread = a_statement_in_another_thread(session)
        database.delete(session, timeout=SOON)
        other = database.create(labels={}, timeout=SOON)
        while thread.is_alive():
            assert len(other.execute("SELECT generate_series(1, 1000)").fetchall()) == 1000
        assert len(other.execute("SELECT generate_series(1, 1000)").fetchall()) == 1000
        database.delete(other, timeout=SOON)
        assert other.closed


def test_a_session_that_nobody_is_inside_of_is_closed(postgres_server: PostgresServer) -> None:
    """Also if its statement was cut off, so that no number of a socket stays in use."""
    database = Postgres(postgres_server.url)
    session = database.create(labels={}, timeout=SOON)
    a_statement_that_was_cut_off(session)
    database.delete(session, timeout=SOON)
    assert session.closed


@pytest.mark.parametrize("call", ["ping", "unlock"])
def test_a_ping_does_not_come_between(postgres_server: PostgresServer, call: str) -> None:
    """While somebody is inside the driver nothing is sent, and the ping fails in its time."""
    database = Postgres(postgres_server.url)
    session = database.create(labels={}, timeout=SOON)
    thread = a_statement_in_another_thread(session)
    assert isinstance(error_of(getattr(database, call), session, timeout=0.05), TimeoutError)
    assert is_inside(session)
    database.delete(session, timeout=SOON)
    thread.join(SOON)
    assert not thread.is_alive()


# In asyncio


async def a_task_of_psycopg(session: Any) -> Any:
    """A task that runs a statement."""
    task = asyncio.create_task(session.execute(SLEEP))
    await until_in_asyncio(lambda: is_inside(session))
    return task


async def a_copy_of_psycopg(session: Any) -> Any:
    """Rows are on their way."""
    block = session.cursor().copy("COPY (SELECT generate_series(1, 1000000)) TO STDOUT")
    return block, await (await block.__aenter__()).read()


async def a_task_of_asyncpg(session: Any) -> Any:
    """A task that runs a statement."""
    task = asyncio.create_task(session.execute(SLEEP))
    await asyncio.sleep(0)
    return task


async def a_copy_of_asyncpg(session: Any) -> Any:
    """Somebody works on some of the rows, while the others wait: asyncpg itself waits for nothing."""
    reached = asyncio.Event()

    async def work_on(_: bytes) -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(session.copy_from_query("SELECT generate_series(1, 1000000)", output=work_on))
    await reached.wait()
    return task


LEFT_IN_ASYNCIO = [
    (AsyncPostgres, a_task_of_psycopg),
    (AsyncPostgres, a_copy_of_psycopg),
    (AsyncPG, a_task_of_asyncpg),
    (AsyncPG, a_copy_of_asyncpg),
]


async def backend_of(session: Any) -> int:
    """Return the server's number for a session, by either driver."""
    found: int = session.get_server_pid() if hasattr(session, "get_server_pid") else session.info.backend_pid
    return found


@pytest.mark.parametrize(("database", "leave"), LEFT_IN_ASYNCIO)
@in_asyncio
async def test_what_is_under_way_is_never_lent_in_asyncio(
    postgres_server: PostgresServer, database: Any, leave: Callable[[Any], Awaitable[Any]]
) -> None:
    """Nor there: the session is replaced, as "left busy", and the server has ended what ran in it."""
    async with pingpool.open_async(database(postgres_server.url), size=1) as pool:
        async with pool.session() as first:
            backend = await backend_of(first)
            left = await leave(first)
        async with pool.session(timeout=SOON) as second:
            assert second is not first
            await second.execute("SELECT 42")
        await asyncio.to_thread(until, lambda: is_gone(postgres_server, backend))
        assert pool.stats().replaced == {"left busy": 1}
        if isinstance(left, asyncio.Task):
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)


@in_asyncio
async def test_a_task_does_not_go_on_with_the_next_connection(postgres_server: PostgresServer) -> None:
    """A task that was inside a session which is ended gets an error, and the next one, of the same number, works."""
    database = AsyncPostgres(postgres_server.url, autocommit=True)
    for _ in range(3):
        session = await database.create(labels={}, timeout=SOON)
        left = await a_task_of_psycopg(session)
        await database.delete(session, timeout=SOON)
        other = await database.create(labels={}, timeout=SOON)
        await asyncio.gather(left, return_exceptions=True)
        async with asyncio.timeout(SOON):
            cursor = await other.execute("SELECT 42")
            assert await cursor.fetchone() == (42,)
        await database.delete(other, timeout=SOON)


# A server that heeds no cancel


def test_a_server_that_waits_for_rows_is_shown_their_end(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be asked to cancel for ever; the session ends, though its holder keeps the COPY open."""
    monkeypatch.setattr(cancels, "LONGEST", FOR_EVER)
    database = Postgres(postgres_server.url)
    session = database.create(labels={}, timeout=SOON)
    backend = session.info.backend_pid
    kept = copy_in(session)
    database.delete(session, timeout=FOR_EVER)
    until(lambda: is_gone(postgres_server, backend))
    assert kept


async def a_copy_into_it_of_psycopg(session: Any) -> Any:
    """The server waits for rows."""
    await session.execute("CREATE TEMPORARY TABLE mine (x int)")
    block = session.cursor().copy("COPY mine FROM STDIN")
    return block, await block.__aenter__()


async def a_copy_into_it_of_asyncpg(session: Any) -> Any:
    """The server waits for rows, and asyncpg too."""
    asked = asyncio.Event()

    async def rows() -> AsyncIterator[bytes]:
        asked.set()
        await asyncio.Event().wait()
        yield b""

    await session.execute("CREATE TEMPORARY TABLE mine (x int)")
    task = asyncio.create_task(session.copy_to_table("mine", source=rows()))
    await asked.wait()
    return task


@pytest.mark.parametrize(
    ("database", "leave"), [(AsyncPostgres, a_copy_into_it_of_psycopg), (AsyncPG, a_copy_into_it_of_asyncpg)]
)
@in_asyncio
async def test_a_server_that_waits_for_rows_is_shown_their_end_in_asyncio(
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    database: Any,
    leave: Callable[[Any], Awaitable[Any]],
) -> None:
    """So it is there."""
    monkeypatch.setattr(cancels, "LONGEST", FOR_EVER)
    opened = database(postgres_server.url)
    session = await opened.create(labels={}, timeout=SOON)
    backend = await backend_of(session)
    left = await leave(session)
    await opened.delete(session, timeout=FOR_EVER)
    await asyncio.to_thread(until, lambda: is_gone(postgres_server, backend))
    if isinstance(left, asyncio.Task):
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)


# A request to cancel that comes too early


def test_a_cancel_that_overtakes_its_statement_is_repeated(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that finds nothing to cancel yet, and begins the statement then, is asked again."""
    database = Postgres(postgres_server.url)
    session = database.create(labels={}, timeout=SOON)
    backend = session.info.backend_pid
    asked = threading.Event()
    cancel_safe = psycopg.Connection.cancel_safe

    def ask(session: psycopg.Connection[Any], *, timeout: float) -> None:
        cancel_safe(session, timeout=timeout)
        asked.set()

    monkeypatch.setattr(psycopg.Connection, "cancel_safe", ask)
    postgres_server.pause(backend)
    session.pgconn.send_query(SLEEP.encode())
    ending = threading.Thread(target=database.delete, args=[session], kwargs={"timeout": SOON})
    ending.start()
    asked.wait(SOON)
    postgres_server.resume()
    ending.join(SOON)
    until(lambda: is_gone(postgres_server, backend))


@pytest.mark.parametrize(
    ("database", "driver", "name"),
    [
        (AsyncPostgres, psycopg.AsyncConnection, "cancel_safe"),
        (AsyncPG, asyncpg.Connection, "_cancel"),
    ],
)
@in_asyncio
async def test_a_cancel_that_overtakes_its_statement_is_repeated_in_asyncio(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, database: Any, driver: type[Any], name: str
) -> None:
    """So it is there."""
    opened = database(postgres_server.url)
    session = await opened.create(labels={}, timeout=SOON)
    backend = await backend_of(session)
    asked = asyncio.Event()
    cancel = getattr(driver, name)

    async def ask(session: Any, *arguments: Any, **named: Any) -> None:
        await cancel(session, *arguments, **named)
        asked.set()

    monkeypatch.setattr(driver, name, ask)
    postgres_server.pause(backend)
    left = asyncio.create_task(session.execute(SLEEP))
    await until_in_asyncio(lambda: opened.needs_reset(session))
    await asyncio.sleep(0)
    ending = asyncio.create_task(opened.delete(session, timeout=SOON))
    await asked.wait()
    postgres_server.resume()
    await asyncio.gather(ending, left, return_exceptions=True)
    await asyncio.to_thread(until, lambda: is_gone(postgres_server, backend))
