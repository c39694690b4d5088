"""SQLite by both drivers: nothing of one holder reaches the next. Here stands each cell of the table in the docs."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pingpool
from pingpool.databases.common.resets import Reset
from pingpool.databases.sqlite import AsyncSQLite, Connection, SQLite
from tests.databases.waiting import SOON, until_in_asyncio

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

CUTS = 300
"""How often a connection is closed under a running thread; 2,000 were tried."""

Act = Callable[[Any], object]


class Seen(NamedTuple):
    """What the second holder saw, and what the pool did in between."""

    answer: object
    same: bool
    replaced: dict[str, int]


Hand = Callable[..., Seen]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one table of three rows."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript("CREATE TABLE t (i INTEGER PRIMARY KEY, p INTEGER REFERENCES t (i))")
        connection.executemany("INSERT INTO t (i) VALUES (?)", [(1,), (2,), (3,)])
    connection.close()
    return tmp_path / "shop.db"


@pytest.fixture(params=["sqlite3", "aiosqlite"])
def hand(request: pytest.FixtureRequest, path: Path) -> Hand:
    """Lend the one session of a pool twice: have the first holder do something, the second look."""

    def in_threads(leave: Act, look: Act, reset: Reset = "rollback") -> Seen:
        with pingpool.open(SQLite(path, reset=reset), size=1) as pool:
            with pool.session() as first:
                kept = leave(first)  # a holder may keep what he has, such as a cursor
            with pool.session() as second:
                answer = look(second)
            del kept
            return Seen(answer, second is first, dict(pool.stats().replaced))

    def in_asyncio(leave: Act, look: Act, reset: Reset = "rollback") -> Seen:
        async def main() -> Seen:
            async with pingpool.open_async(AsyncSQLite(path, reset=reset), size=1) as pool:
                async with pool.session() as first:
                    kept = await in_its_thread(first, leave)
                async with pool.session() as second:
                    answer = await in_its_thread(second, look)
                del kept
                return Seen(answer, second is first, dict(pool.stats().replaced))

        return asyncio.run(main())

    if request.param == "aiosqlite":
        pytest.importorskip("aiosqlite")
    return in_threads if request.param == "sqlite3" else in_asyncio


async def in_its_thread(session: Any, act: Act) -> object:
    """Do something with the connection of an aiosqlite session, where that runs all of it."""
    return await session._execute(act, session._conn)


def query(statement: str) -> Act:
    """A look: the rows of a query."""
    return lambda connection: connection.execute(statement).fetchall()


def statements(*all_of_them: str) -> Act:
    """A holder that runs these and keeps no cursor."""

    def run(connection: sqlite3.Connection) -> None:
        for each in all_of_them:
            connection.execute(each).fetchall()

    return run


def setting(**attributes: object) -> Act:
    """A holder that sets attributes of the connection."""

    def run(connection: sqlite3.Connection) -> None:
        for name, value in attributes.items():
            setattr(connection, name, value)

    return run


def one_after_another(*acts: Act) -> Act:
    """A holder that does all of these."""
    return lambda connection: [each(connection) for each in acts]


MODES = [
    {},
    {"isolation_level": None},
    *([{"autocommit": True}, {"autocommit": False}] if sys.version_info >= (3, 12) else []),
]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "SAVEPOINT a", None], ids=str)
def test_a_transaction_left_open_is_rolled_back(hand: Hand, mode: dict[str, Any], begin: str | None) -> None:
    """However it was begun, and in whatever mode: the next holder sees no row of it, and his commit is one."""
    if begin is None and (mode.get("isolation_level", "") is None or mode.get("autocommit") is True):
        pytest.skip("nothing is open then")
    begins = [] if begin is None or mode.get("autocommit") is False else [begin]

    def commit(connection: sqlite3.Connection) -> object:
        assert not connection.in_transaction
        rows = connection.execute("SELECT i FROM t").fetchall()
        connection.execute("INSERT INTO t (i) VALUES (7)")
        connection.commit()
        connection.rollback()
        return rows + connection.execute("SELECT i FROM t WHERE i > 3").fetchall()

    leave = one_after_another(setting(**mode), statements(*begins, "INSERT INTO t (i) VALUES (50)"))
    assert hand(leave, commit) == Seen([(1,), (2,), (3,), (7,)], True, {})


@pytest.mark.parametrize("how", ["execute", "cursor", "executemany"])
def test_a_cursor_that_was_not_read_to_its_end_is_ended(hand: Hand, path: Path, how: str) -> None:
    """The next holder is in no old snapshot: he reads what others committed since, and writes; the cursor is closed."""
    kept: list[Any] = []

    def leave(connection: Any) -> None:
        other = connection.cursor() if how == "cursor" else connection
        if how == "executemany" and sqlite3.sqlite_version_info >= (3, 35):
            connection.executemany("INSERT INTO t (i) VALUES (?)", [(8,)])
            connection.commit()
        kept.append(other.execute("SELECT i FROM t WHERE i < 4"))
        assert kept[0].fetchone() == (1,)

    def look(connection: sqlite3.Connection) -> object:
        with sqlite3.connect(path) as another:
            another.execute("INSERT INTO t (i) VALUES (4)")
        another.close()
        rows = connection.execute("SELECT i FROM t WHERE i < 5").fetchall()
        connection.execute("INSERT INTO t (i) VALUES (5)")
        connection.commit()
        return len(rows)

    assert hand(leave, look) == Seen(4, True, {})
    with pytest.raises(sqlite3.ProgrammingError):
        kept[0].fetchone()


def test_a_blob_left_open_is_closed(hand: Hand) -> None:
    """It would keep the next holder in its snapshot, as a cursor does."""
    kept: list[sqlite3.Blob] = []

    def leave(connection: Any) -> None:
        statements("CREATE TABLE b (x)", "INSERT INTO b VALUES (zeroblob(9))")(connection)
        connection.commit()
        kept.append(connection.blobopen("b", "x", 1))

    assert hand(leave, query("SELECT count(*) FROM b")) == Seen([(1,)], True, {})
    with pytest.raises(sqlite3.ProgrammingError):
        kept[0].read()


def upper(_: str) -> str:
    """What is not what SQLite means by `upper`."""
    return "mine"


# What a holder may leave, how the next one looks, what is seen if nothing is left, and if it is. At "rollback" the
# first four go no further; the others do, as the table in docs/sqlite.md says. At "full" nothing does.
ATTRIBUTES: dict[str, tuple[Act, Act, object]] = {
    "isolation_level": (setting(isolation_level=None), lambda c: c.isolation_level, ""),
    "row_factory": (setting(row_factory=sqlite3.Row), lambda c: c.row_factory, None),
    "text_factory": (setting(text_factory=bytes), query("SELECT 'a'"), [("a",)]),
    "an authorizer": (lambda c: c.set_authorizer(lambda *_: sqlite3.SQLITE_DENY), query("SELECT 1"), [(1,)]),
    "a progress handler": (lambda c: c.set_progress_handler(lambda: 1, 1), query("SELECT 1"), [(1,)]),
    "a trace callback": (lambda c: c.set_trace_callback(print), query("SELECT 1"), [(1,)]),
    "busy_timeout": (statements("PRAGMA busy_timeout = 0"), query("PRAGMA busy_timeout"), [(5000,)]),
    "foreign_keys": (statements("PRAGMA foreign_keys = OFF"), query("PRAGMA foreign_keys"), [(1,)]),
}
if sys.version_info >= (3, 12):
    ATTRIBUTES["autocommit"] = (setting(autocommit=True), lambda c: c.autocommit, sqlite3.LEGACY_TRANSACTION_CONTROL)

OTHERS: dict[str, tuple[Act, Act, object, object]] = {
    "a PRAGMA": (statements("PRAGMA query_only = ON"), query("PRAGMA query_only"), [(0,)], [(1,)]),
    "a temporary table": (
        statements("CREATE TEMP TABLE x (i)"),
        query("SELECT name FROM temp.sqlite_master"),
        [],
        [("x",)],
    ),
    "an attached database": (
        statements("ATTACH ':memory:' AS o"),
        query("SELECT name FROM pragma_database_list WHERE name = 'o'"),
        [],
        [("o",)],
    ),
    "a function": (
        lambda c: c.create_function("upper", 1, upper),
        query("SELECT upper('a')"),
        [("A",)],
        [("mine",)],
    ),
}


@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("what", ATTRIBUTES)
def test_what_decides_over_statements_goes_no_further(hand: Hand, what: str, reset: Reset) -> None:
    """What is set on the connection itself, and what the pool promises of each, is as it was when it was new."""
    leave, look, clean = ATTRIBUTES[what]
    assert hand(leave, look, reset) == Seen(clean, True, {})


@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("what", OTHERS)
def test_only_a_full_reset_clears_everything(hand: Hand, what: str, reset: Reset) -> None:
    """At "full" the connection is opened anew, in the same object; at "rollback" the rest goes on."""
    leave, look, clean, left = OTHERS[what]
    assert hand(leave, look, reset) == Seen(clean if reset == "full" else left, True, {})


def test_the_users_own_reset_is_called_each_time(hand: Hand) -> None:
    """It comes after the rollback, and is given the session."""
    called: list[object] = []
    assert hand(statements("SELECT 1"), query("SELECT 1"), called.append).same
    assert len(called) == 2 + 1  # of the new session, too


def test_a_clean_session_is_reset_by_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unused, only read, or committed: it goes straight back to idle, and no statement is run for that."""
    monkeypatch.setattr(SQLite, "reset", None)
    with pingpool.open(SQLite(path), size=1) as pool:
        with pool.session() as first:
            pass
        with pool.session() as session:
            session.execute("SELECT * FROM t").fetchone()
        with pool.session() as session:
            session.execute("INSERT INTO t (i) VALUES (9)")
            session.commit()
        with pool.session() as last:
            assert last is first


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
