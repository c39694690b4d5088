"""SQLite: a real file, real SQL, real rollback, through pools and without."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import pingpool
from pingpool import CannotFill, Meaning, PingingPool
from pingpool.databases.sqlite import Connection, SQLite
from pingpool.errors import BadURL


@pytest.fixture
def shop(tmp_path: Path) -> SQLite:
    """A database in a file, with one table and one row."""
    database = SQLite(tmp_path / "shop.db")
    connection = database.create(labels={}, timeout=5)
    connection.execute("CREATE TABLE stock (item TEXT PRIMARY KEY, pieces INTEGER)")
    connection.execute("INSERT INTO stock VALUES ('nails', 100)")
    connection.commit()
    connection.close()
    return database


@pytest.fixture
def pool(shop: SQLite) -> Iterator[PingingPool[Connection]]:
    """A pool of two sessions of the shop."""
    with pingpool.open(shop, size=2) as pool:
        yield pool


def pieces(connection: sqlite3.Connection) -> int:
    """How many nails there are."""
    (found,) = connection.execute("SELECT pieces FROM stock WHERE item = 'nails'").fetchone()
    assert isinstance(found, int)
    return found


def test_sessions_are_the_drivers_own(pool: PingingPool[Connection]) -> None:
    """What is lent is a `sqlite3.Connection`, no proxy."""
    with pool.session() as connection:
        assert isinstance(connection, sqlite3.Connection)


def test_a_file_is_in_wal_mode(pool: PingingPool[Connection]) -> None:
    """Readers go on while one writes, and foreign keys are checked."""
    with pool.session() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_reader_goes_on_while_another_writes(pool: PingingPool[Connection]) -> None:
    """A session in the middle of a write does not hold up one that reads, which sees what was committed."""
    with pool.session() as writer, pool.session() as reader:
        writer.execute("UPDATE stock SET pieces = 1")
        assert pieces(reader) == 100
        writer.commit()
        assert pieces(reader) == 1


def test_what_a_block_did_not_commit_is_rolled_back(shop: SQLite) -> None:
    """The next holder of a session finds neither the last one's changes nor its transaction."""
    with pingpool.open(shop, size=1) as pool:
        with pool.session() as connection:
            connection.execute("UPDATE stock SET pieces = 0")
        with pool.session() as again:
            assert again is connection
            assert not again.in_transaction
            assert pieces(again) == 100


def test_what_a_block_committed_stays(pool: PingingPool[Connection]) -> None:
    """A commit is a commit, seen by every session."""
    with pool.session() as connection:
        connection.execute("UPDATE stock SET pieces = 99")
        connection.commit()
    for _ in range(2):
        with pool.session() as connection:
            assert pieces(connection) == 99


def test_an_error_in_sql_costs_no_session(shop: SQLite) -> None:
    """A statement that fails is the caller's error; the same session is lent again, rolled back."""
    with pingpool.open(shop, size=1) as pool:
        with pytest.raises(sqlite3.OperationalError), pool.session() as connection:
            connection.execute("UPDATE stock SET pieces = 0")
            connection.execute("SELECT no such thing")
        with pool.session() as again:
            assert again is connection
            assert pieces(again) == 100


def test_a_session_closed_behind_the_pools_back_is_not_lent(pool: PingingPool[Connection]) -> None:
    """A connection that its holder closed is replaced, and nobody meets it."""
    for _ in range(5):
        with pool.session() as connection:
            connection.close()
    with pool.session() as connection:
        assert pieces(connection) == 100


def test_an_idle_session_that_is_closed_is_not_lent(shop: SQLite) -> None:
    """A look, which costs no round trip, finds an idle connection that somebody closed."""
    with pingpool.open(shop, size=1) as pool:
        with pool.session() as connection:
            pass
        connection.close()
        with pool.session() as another:
            assert another is not connection
            assert pieces(another) == 100


def test_using_a_closed_session_is_known_as_a_loss(pool: PingingPool[Connection]) -> None:
    """The driver's error for a closed connection has its session replaced at once."""
    with pytest.raises(sqlite3.ProgrammingError), pool.session() as connection:
        connection.close()
        connection.execute("SELECT 1")
    assert pool.stats().replaced.get("lost") == 1


def test_an_interrupted_session_is_lent_again(shop: SQLite) -> None:
    """Ctrl-C between two statements leaves a connection that can be rolled back and used."""
    with pingpool.open(shop, size=1) as pool:
        with pytest.raises(KeyboardInterrupt), pool.session() as connection:
            connection.execute("UPDATE stock SET pieces = 0")
            raise KeyboardInterrupt
        with pool.session() as again:
            assert again is connection
            assert pieces(again) == 100


def test_a_statement_that_runs_can_be_aborted(shop: SQLite) -> None:
    """`abort` ends what runs in a session, called from another thread."""
    connection = shop.create(labels={}, timeout=5)
    connection.set_progress_handler(lambda: shop.abort(connection), 1000)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        connection.execute(endless).fetchone()
    connection.close()


def test_opening_waits_for_another_that_is_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite gives up at once when two connections make a new file ready; the second waits for the first."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path, isolation_level=None) as first:
        first.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("time.sleep", lambda _: first.execute("COMMIT"))
        second = SQLite(path).create(labels={}, timeout=5)
        assert not first.in_transaction
    second.close()
    first.close()


def test_a_busy_database_is_waited_for_as_long_as_told(shop: SQLite, tmp_path: Path) -> None:
    """`busy_timeout` bounds how long a statement waits for another connection's lock."""
    hasty = SQLite(tmp_path / "shop.db", busy_timeout=0)
    with pingpool.open(shop, size=1) as patient, pingpool.open(hasty, size=1) as pool, patient.session() as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"), pool.session() as connection:
            connection.execute("UPDATE stock SET pieces = 0")


def test_a_memory_is_shared_by_all_sessions() -> None:
    """What one session of a memory writes the others read."""
    with pingpool.open(SQLite(), size=3) as pool:
        with pool.session() as connection:
            connection.execute("CREATE TABLE t (x)")
            connection.commit()
        sessions = [pool.get() for _ in range(3)]
        for connection in sessions:
            connection.execute("SELECT * FROM t")
            pool.put(connection)


def test_two_memories_share_nothing() -> None:
    """Each object is a memory of its own."""
    one, other = SQLite(), SQLite()
    assert one != other
    with pingpool.open(one, size=1) as first, pingpool.open(other, size=1) as second:
        with first.session() as connection:
            connection.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError, match="no such table"), second.session() as connection:
            connection.execute("SELECT * FROM t")


@pytest.mark.parametrize("reason", ["folder", "no database"])
def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path, reason: str) -> None:
    """`open` fails at once, with the driver's own error as the cause, and the file is named."""
    path = tmp_path / "missing" / "shop.db"
    if reason == "no database":
        path = tmp_path / "letter.txt"
        path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(CannotFill) as caught:
        pingpool.open(SQLite(path), size=2)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert SQLite(path).meaning_of(caught.value.__cause__) is Meaning.REFUSED
    assert path.name in str(caught.value)


def test_two_that_name_one_file_are_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool may be bound again to another object for the same file, however its path is written."""
    monkeypatch.chdir(tmp_path)
    assert SQLite("shop.db") == SQLite(tmp_path / "shop.db")
    assert hash(SQLite("shop.db")) == hash(SQLite(str(tmp_path / "shop.db")))
    assert SQLite("shop.db") != SQLite("other.db")
    assert SQLite("shop.db") != "shop.db"


def test_a_relative_path_does_not_follow_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are opened after an `os.chdir` open the same file as those before."""
    monkeypatch.chdir(tmp_path)
    database = SQLite("shop.db")
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    database.create(labels={}, timeout=5).close()
    assert (tmp_path / "shop.db").exists()


def test_an_empty_path_is_refused() -> None:
    """SQLite would give each connection a private database that vanishes with it: nobody means that."""
    with pytest.raises(ValueError, match="path"):
        SQLite("")


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True])
def test_a_busy_timeout_that_makes_no_sense_is_refused(timeout: float) -> None:
    """What is no number of seconds is refused when it is given, not when a session is opened."""
    with pytest.raises((TypeError, ValueError), match="busy_timeout"):
        SQLite("shop.db", busy_timeout=timeout)


# URLs.


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///shop.db", "shop.db"),
        ("sqlite:///data/shop.db", "data/shop.db"),
        ("sqlite:///my%20shop.db", "my shop.db"),
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("sqlite:///shop.db?busy_timeout=2.5", "shop.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    """Three slashes and a relative path, or four and an absolute one."""
    assert SQLite.from_url(url) == SQLite(path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_url_without_a_path_is_a_memory(url: str) -> None:
    """Each such URL, each time, names a new memory."""
    assert "memory" in repr(SQLite.from_url(url))
    assert SQLite.from_url(url) != SQLite.from_url(url)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("sqlite://host/shop.db", "sqlite:///"),
        ("sqlite://shop.db", "sqlite:///"),
        ("sqlite:///shop.db?mode=ro", "mode"),
        ("sqlite:///shop.db?busy_timeout=soon", "soon"),
        ("sqlite:///shop.db?busy_timeout=", "busy_timeout"),
        ("sqlite:///shop.db?busy_timeout=nan", "busy_timeout"),
        ("sqlite:///shop.db?busy_timeout=-1", "busy_timeout"),
        ("sqlite:///shop.db#1", "#"),
        ("sqlite:/var/lib/shop.db", "sqlite:////"),
        ("sqlite:shop.db", "sqlite:///"),
        ("sqlite:", "sqlite://"),
        ("sqlite://[", "sqlite:///"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(url: str, part: str) -> None:
    """A URL that could be misread is an error that names what is wrong with it."""
    with pytest.raises(BadURL) as caught:
        SQLite.from_url(url)
    assert part in str(caught.value)
