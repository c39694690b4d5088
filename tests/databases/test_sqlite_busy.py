"""SQLite by both drivers: a session in which somebody is still at work, or in whose thread work is queued."""

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.databases.sqlite import AsyncSQLite, Connection, SQLite
from tests.databases.waiting import SOON, until_in_asyncio

pytest_plugins = ["tests.databases.sqlite_shop"]

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

CUTS = 300
"""How often a connection is closed under a running thread; 2,000 were tried."""


# Another thread is still inside.


def inside(connection: Connection) -> threading.Thread:
    """Start a thread that stays in a statement; return when it is in."""
    is_in = threading.Event()

    def stay() -> None:
        with pytest.raises(sqlite3.Error):
            connection.execute(ENDLESS)

    def tell() -> None:
        is_in.set()

    connection.set_progress_handler(tell, 1)
    thread = threading.Thread(target=stay)
    thread.start()
    assert is_in.wait(SOON)
    return thread


@pytest.mark.parametrize("error", [None, KeyError])
def test_a_session_in_which_a_thread_still_is_is_ended(path: Path, error: type[Exception] | None) -> None:
    """Its statement is stopped, and the next holder gets another session; nobody waits for a statement to end."""
    with pingpool.open(SQLite(path), size=1) as pool:
        threads = []

        def use() -> Connection:
            with pool.session() as first:
                threads.append(inside(first))
                if error is not None:
                    raise error
            return first

        if error is None:
            first = use()
        else:
            with pytest.raises(error):
                use()
        with pool.session(timeout=SOON) as second:
            assert error is not None or second is not first
            assert second.execute("SELECT count(*) FROM t").fetchone() == (3,)
        threads[0].join(SOON)
        assert not threads[0].is_alive()
        assert pool.stats().replaced == {"left busy": 1}


def run_statements(connection: Connection) -> None:
    """Use a connection in every way until it is closed."""
    while True:
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT i FROM t")
            cursor.fetchall()
            for _ in connection.execute("SELECT i FROM t"):
                pass
            connection.executescript("BEGIN; INSERT INTO t (i) VALUES (100); DELETE FROM t WHERE i = 100; COMMIT")
            connection.commit()
        except sqlite3.ProgrammingError as error:
            if "closed database" in str(error):
                return
        except sqlite3.Error:
            continue


def test_closing_under_a_running_thread_is_safe() -> None:
    """Cut at any moment, in statements, fetches, scripts and commits: no crash, and the thread gets out."""
    database = SQLite()
    kept = database.create(labels={}, timeout=SOON)
    kept.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
    kept.executemany("INSERT INTO t (i) VALUES (?)", [(1,), (2,), (3,)])
    kept.commit()
    for _ in range(CUTS):
        connection = database.create(labels={}, timeout=SOON)
        thread = threading.Thread(target=run_statements, args=[connection])
        thread.start()
        database.abort(connection)
        database.delete(connection, timeout=SOON)
        thread.join(SOON)
        assert not thread.is_alive()
    kept.close()


def test_what_cannot_be_stopped_is_closed_by_whoever_is_inside(path: Path) -> None:
    """Ending a session takes no longer than its time, and nobody closes a connection under a running call."""
    database = SQLite(path)
    connection = database.create(labels={}, timeout=SOON)
    may_go = threading.Event()
    is_in = threading.Event()

    def stay() -> int:
        is_in.set()
        return int(may_go.wait(SOON))

    connection.create_function("stay", 0, stay)

    def call() -> None:
        with suppress(sqlite3.Error):  # it was stopped
            connection.execute("SELECT stay()").fetchall()

    thread = threading.Thread(target=call)
    thread.start()
    assert is_in.wait(SOON)
    database.delete(connection, timeout=0.01)
    assert connection.total_changes == 0  # it is open
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        connection.execute("SELECT 1")  # and nobody comes in any more
    may_go.set()
    thread.join(SOON)
    assert not thread.is_alive()
    connection.close()


# asyncio: what is queued in a connection's thread.


async def cut_short(call: Any) -> None:
    """Start a call, and cancel it once it has been queued."""
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("first", ["INSERT INTO t (i) VALUES (50)", ENDLESS])
@pytest.mark.parametrize("error", [None, KeyError])
def test_what_was_cut_short_never_runs_in_the_next_ones_hands(
    path: Path, first: str, error: type[Exception] | None
) -> None:
    """A write whose writer was told that it was cancelled, queued or running, is not committed by the next holder."""
    pytest.importorskip("aiosqlite")

    async def use(pool: Any) -> None:
        async with pool.session() as session:
            await cut_short(session.execute(first))
            await cut_short(session.execute("INSERT INTO t (i) VALUES (51)"))
            if error is not None:
                raise error

    async def main() -> None:
        async with pingpool.open_async(AsyncSQLite(path), size=1) as pool:
            for _ in range(20):
                if error is None:
                    await use(pool)
                else:
                    with pytest.raises(error):
                        await use(pool)
                async with pool.session(timeout=SOON) as session:
                    assert not session.in_transaction
                    await session.execute("INSERT INTO t (i) VALUES (7)")
                    await session.execute("DELETE FROM t WHERE i = 7")
                    await session.commit()
                    rows = await session.execute_fetchall("SELECT i FROM t")
                    assert list(rows) == [(1,), (2,), (3,)]
            assert pool.stats().replaced == {}

    asyncio.run(main())


def test_a_task_left_waiting_is_told(path: Path) -> None:
    """Its statement is taken from the queue, and it gets the driver's error for one that was stopped."""
    pytest.importorskip("aiosqlite")

    async def main() -> None:
        async with pingpool.open_async(AsyncSQLite(path), size=1) as pool:
            async with pool.session() as session:
                tasks = [asyncio.create_task(session.execute_fetchall(each)) for each in (ENDLESS, "SELECT 1")]
                await asyncio.sleep(0)
            told = await asyncio.gather(*tasks, return_exceptions=True)
            assert [str(each) for each in told] == ["interrupted"] * 2
            async with pool.session() as again:
                assert again is session

    asyncio.run(main())


def test_a_task_that_starts_on_an_idle_session_keeps_it_from_the_next(path: Path) -> None:
    """A session in which a stranger's statement runs at checkout is not lent."""
    pytest.importorskip("aiosqlite")

    async def main() -> None:
        async with pingpool.open_async(AsyncSQLite(path), size=1) as pool:
            async with pool.session() as session:
                pass
            task = asyncio.create_task(session.execute_fetchall(ENDLESS))
            await until_in_asyncio(lambda: session.is_busy)
            async with pool.session(timeout=SOON) as another:
                assert another is not session
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_the_thread_of_a_session_that_is_ended_ends(path: Path) -> None:
    """Also if much is queued in it; what is queued does not run."""
    pytest.importorskip("aiosqlite")

    async def main() -> None:
        database = AsyncSQLite(path)
        session = await database.create(labels={}, timeout=SOON)
        session.isolation_level = None
        for statement in (ENDLESS, "INSERT INTO t (i) VALUES (50)", "INSERT INTO t (i) VALUES (51)"):
            await cut_short(session.execute(statement))
        await database.delete(session, timeout=SOON)
        await until_in_asyncio(
            lambda: not any("_connection_worker_thread" in each.name for each in threading.enumerate())
        )

    asyncio.run(main())
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3,)
    connection.close()
