"""SQLite by both drivers: nothing of one holder reaches the next. Here stands each cell of the table in the docs."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pingpool
from pingpool.databases.common.resets import Reset
from pingpool.databases.sqlite import AsyncSQLite, SQLite

pytest_plugins = ["tests.databases.sqlite_shop"]

Act = Callable[[Any], object]


class Seen(NamedTuple):
    """What the second holder saw, and what the pool did in between."""

    answer: object
    same: bool
    replaced: dict[str, int]


Hand = Callable[..., Seen]


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
