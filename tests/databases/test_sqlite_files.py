"""SQLite's file changed under a pool, and its memory shared in one: nobody goes on with what nobody else sees."""

import asyncio
import gc
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.sqlite import AsyncSQLite, SQLite
from tests.databases.waiting import error_of


def make(path: Path, pieces: int) -> None:
    """Make a database with so many pieces in stock, in WAL mode as ours."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE stock (pieces INTEGER)")
    connection.execute("INSERT INTO stock VALUES (?)", [pieces])
    connection.commit()
    connection.close()


def replace(path: Path) -> None:
    """Rename another over it."""
    make(path.with_suffix(".new"), 50)
    os.replace(path.with_suffix(".new"), path)


def remove(path: Path) -> None:
    """Remove it with all that belongs to it, and make another."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    make(path, 50)


@pytest.mark.parametrize("change", [replace, remove])
def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """The next checkout reads and writes the file that is at the path, by either driver; no ping is needed."""
    path = tmp_path / "shop.db"
    make(path, 3)
    with pingpool.open(SQLite(path), size=2, wait_for=None) as pool:
        change(path)
        with pool.session() as connection:
            assert connection.execute("SELECT pieces FROM stock").fetchone() == (50,)
            connection.execute("UPDATE stock SET pieces = 51")
            connection.commit()

    async def main() -> None:
        async with pingpool.open_async(AsyncSQLite(path), size=2, wait_for=None) as pool:
            change(path)
            async with pool.session() as connection:
                assert [*await connection.execute_fetchall("SELECT pieces FROM stock")] == [(50,)]

    with sqlite3.connect(path) as seen:
        assert seen.execute("SELECT pieces FROM stock").fetchone() == (51,)
    seen.close()
    asyncio.run(main())


@pytest.mark.parametrize(
    "change", [Path.unlink, lambda path: path.rename(path.with_suffix(".old")), lambda path: path.write_bytes(b"")]
)
def test_a_file_that_is_gone_fails_the_ping_and_the_look(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Removed, renamed or emptied: the ping fails and the look says dead, by either driver."""
    path = tmp_path / "shop.db"
    make(path, 3)
    database, twin = SQLite(path), AsyncSQLite(path)
    session = database.create(labels={}, timeout=5)
    database.ping(session, timeout=5)
    assert database.looks_alive(session)

    async def main() -> None:
        other = await twin.create(labels={}, timeout=5)
        await twin.ping(other, timeout=5)
        assert twin.looks_alive(other)
        change(path)
        assert not twin.looks_alive(other)
        with pytest.raises(sqlite3.DatabaseError, match="replaced, removed or truncated"):
            await twin.ping(other, timeout=5)
        await twin.delete(other, timeout=5)
        assert not twin.looks_alive(other)

    asyncio.run(main())
    assert not database.looks_alive(session)
    assert "replaced, removed or truncated" in str(error_of(database.ping, session, timeout=5))
    session.close()


def test_a_file_that_is_no_database_any_more_fails_the_ping(tmp_path: Path) -> None:
    """A ping reads the file, so that what was written over it is found."""
    path = tmp_path / "shop.db"
    make(path, 3)
    database = SQLite(path)
    session = database.create(labels={}, timeout=5)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.write_bytes(b"not a database" * 1000)
    fresh = SQLite(path)
    assert fresh.meaning_of(error_of(fresh.create, labels={}, timeout=5)) is Meaning.REFUSED
    session.close()


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_CORRUPT, Meaning.MISPLACED),
        (sqlite3.SQLITE_CORRUPT_INDEX, Meaning.MISPLACED),
        (sqlite3.SQLITE_READONLY_DBMOVED, Meaning.MISPLACED),
        (sqlite3.SQLITE_BUSY, Meaning.TRANSIENT),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Meaning.TRANSIENT),
        (sqlite3.SQLITE_LOCKED, Meaning.TRANSIENT),
    ],
)
def test_what_the_codes_of_sqlite_mean(code: int, meaning: Meaning) -> None:
    """A broken or moved file ends a session that looks alive; a lock of another says nothing of it."""
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert SQLite().meaning_of(error) is meaning


def test_a_holder_that_closes_its_connection_is_no_bug_of_the_database(caplog: pytest.LogCaptureFixture) -> None:
    """It costs the session, and no warning about a hook."""
    with pingpool.open(SQLite(), size=1) as pool:
        with pool.session() as connection:
            connection.close()
        with pool.session() as another:
            assert another.execute("SELECT 1").fetchone() == (1,)
    assert "is broken" not in caplog.text


# Memories


def test_a_memory_lasts_as_long_as_the_pool() -> None:
    """Its only session ends, of age or by its holder, and what was committed is there."""
    with pingpool.open("sqlite://", size=1, max_lifetime=0.05) as pool:
        with pool.session() as connection:
            connection.execute("CREATE TABLE stock (pieces INTEGER)")
            connection.execute("INSERT INTO stock VALUES (3)")
            connection.commit()
            connection.close()
        for _ in range(3):
            with pool.session() as another:
                assert another is not connection
                assert another.execute("SELECT pieces FROM stock").fetchone() == (3,)
                another.close()


def test_a_memory_ends_with_its_database() -> None:
    """Nobody can reach it any more, so it takes no room."""
    database = SQLite()
    session = database.create(labels={}, timeout=5)
    session.execute("CREATE TABLE stock (pieces INTEGER)")
    target, gone = database._target, weakref.ref(database)
    session.close()
    del database
    gc.collect()
    assert gone() is None
    late = sqlite3.connect(target, uri=True)
    assert late.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    late.close()


def test_writers_in_a_memory_wait_for_each_other() -> None:
    """The time-out holds: of 300 writes by three, beside three that read, none meets a locked table."""
    errors: list[BaseException] = []
    with pingpool.open("sqlite://", size=4) as pool:
        with pool.session() as connection:
            connection.execute("CREATE TABLE stock (pieces INTEGER)")

        def work(statement: str) -> None:
            for _ in range(100):
                try:
                    with pool.session() as session:
                        session.execute(statement)
                        session.commit()
                except sqlite3.Error as error:
                    errors.append(error)

        statements = ["INSERT INTO stock VALUES (1)", "SELECT count(*) FROM stock"] * 3
        threads = [threading.Thread(target=work, args=(each,)) for each in statements]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pool.session() as session:
            found: Any = session.execute("SELECT count(*) FROM stock").fetchone()
    assert errors == []
    assert found == (300,)
