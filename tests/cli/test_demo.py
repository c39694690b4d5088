"""`pingpool demo` as a user runs it, and the proof that its verdict can go against the pool."""

import io
import re
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pingpool.cli import demo, saboteur, venue
from pingpool.cli.accounts import OPENING_BALANCE, Conflict
from pingpool.cli.app import app
from pingpool.cli.scene import Plan
from pingpool.cli.sql_accounts import SQLAccounts
from pingpool.databases.sqlite import Connection, SQLite
from pingpool.testing.ports import free_port
from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.cli.command import run

pytest_plugins = ["pingpool.testing.fixtures"]


class LeakyAccounts(SQLAccounts):
    """A bank that keeps a coin of each transfer to itself."""

    def change(self, account: int, amount: int) -> bool:
        return super().change(account, amount - (amount > 0))


class BlindSQLite(SQLite):
    """A database that calls every session alive, so that its pool hands out dead ones."""

    def looks_alive(self, session: Connection) -> bool:
        return True


class RottenAccounts(SQLAccounts):
    """A bank whose books cannot be read."""

    def balance(self, account: int) -> int:
        raise LookupError("the page is torn out")


def test_the_demo_keeps_its_promises(tmp_path: Path) -> None:
    """The command ends with status 0, says that every promise was kept, and draws a lane per slot, under the hours."""
    picture = tmp_path / "demo.svg"
    done = run("demo", "--plain", "--seconds", "1", "--size", "3", "--workers", "8", "--timeline", str(picture))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\nkept") == 3
    drawn = list(ET.parse(picture).iter())
    assert sum(each.get("class") == "lane" for each in drawn) == 3
    assert "rush hours" in [each.text for each in drawn]


def test_a_pipe_gets_plain_text() -> None:
    """Without a terminal the demo prints a line a second and a report, all of it ASCII and without a colour."""
    done = run("demo", "--seconds", "1")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert re.search(r"^ +\d\.\d s +[\d,]+ transfers ", done.stdout, re.MULTILINE)


def test_a_terminal_gets_the_live_view() -> None:
    """In a terminal the demo shows every slot, the waiters, the counts and the histogram of waits while it runs."""
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, height=40)
    with venue.embedded() as place:
        assert demo.perform(Plan(seconds=0.5), place, screen, plain=False, picture=None)
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    for word in ("slot  1", "slot  4", "waiting", "transfers", "the saboteur", "10 to 20 ms", "s left"):
        assert word in shown


@pytest.mark.parametrize(
    ("name", "broken", "finding"),
    [
        ("SQLAccounts", LeakyAccounts, "BROKEN The money adds up"),
        ("SQLite", BlindSQLite, "BROKEN Nobody was handed a dead session"),
        ("SQLAccounts", RottenAccounts, "the page is torn out"),
    ],
)
def test_a_broken_promise_ends_with_status_1(
    name: str, broken: type, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost money, a dead session from `get`, or an error that nobody caused: the report says so and the status is 1."""
    monkeypatch.setattr(venue, name, broken)
    monkeypatch.setattr(saboteur, "PAUSE", (0.0, 0.01))
    for seconds in ("1", "5", "25"):  # a busy machine may have too little happen in a second
        done = CliRunner().invoke(app, ["demo", "--seconds", seconds])
        if done.exit_code:
            break
    assert done.exit_code == 1
    assert finding in done.output


def test_the_demo_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the demo's database goes when the demo ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert CliRunner().invoke(app, ["demo", "--seconds", "0.5"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_demo_early_with_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C cuts the show short; the report comes all the same."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "print_lines", interrupt)
    done = CliRunner().invoke(app, ["demo", "--seconds", "60"])
    assert done.exit_code == 0
    assert "The money adds up" in done.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "nan"], "--seconds"),
        (["--seconds", "inf"], "--seconds"),
        (["--workers", "0"], "--workers"),
        (["--size", "many"], "--size"),
        (["--timeline", "no/such/folder/x.svg"], "no/such/folder"),
        (["--timeline", "."], "directory"),
        (["--timeline", "picture.png"], "picture.svg"),
    ],
)
def test_a_bad_option_is_refused_at_once(arguments: list[str], complaint: str) -> None:
    """An option that makes no sense ends with status 2, before anything runs, and is named."""
    done = CliRunner().invoke(app, ["demo", *arguments])
    assert done.exit_code == 2
    assert complaint in done.output


def test_the_help_teaches() -> None:
    """The help names the commands, says what each does and what its exit status means."""
    assert "pingpool probe" in run("--help").stdout
    text = " ".join(run("demo", "--help").stdout.split())
    for words in ("saboteur", "exit status", "--timeline", "URL"):
        assert words in text
    text = " ".join(run("probe", "--help").stdout.split())
    for words in ("idle", "exit status", "--up-to", "Ctrl-C"):
        assert words in text


def test_the_version_is_told() -> None:
    """`--version` names the program and its version."""
    assert run("--version").stdout.startswith("pingpool ")


def test_without_its_extra_the_command_says_what_to_install() -> None:
    """Where typer or rich is missing the command says which extra brings it, and shows no traceback."""
    script = "import sys; sys.modules['typer'] = None; from pingpool.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "The command needs typer, which is not installed: pip install 'pingpool[cli]'\n"


# On a database of one's own


def test_the_demo_runs_on_the_database_of_a_url(tmp_path: Path) -> None:
    """With a SQLite URL the bank stands in that file, keeps its promises there, and leaves what it found."""
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as shop:
        shop.execute("CREATE TABLE accounts (owner TEXT)")
        done = run("demo", f"sqlite:///{file}", "--seconds", "1")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\nkept") == 3
        assert shop.execute("SELECT name FROM sqlite_master").fetchall() == [("accounts",)]


@pytest.mark.server
def test_the_demo_runs_on_postgresql_as_an_ordinary_user(postgres_server: PostgresServer) -> None:
    """Sessions are killed without a superuser; every promise is kept, and neither table nor session stays."""
    postgres_server.execute("CREATE ROLE clerk LOGIN; CREATE SCHEMA AUTHORIZATION clerk")
    try:
        done = run("demo", postgres_server.url.replace("postgres@", "clerk@"), "--seconds", "2")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\nkept") == 3
        assert re.search(r"killed (idle sessions|sessions in use) +[1-9]", done.stdout)
        assert postgres_server.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'pingpool%'") == []
        assert postgres_server.backends() == []
    finally:
        postgres_server.execute("DROP OWNED BY clerk CASCADE; DROP ROLE clerk")


@pytest.mark.server
def test_the_demo_runs_on_mariadb(mariadb_server: MariaDBServer) -> None:
    """The same bank, in another dialect, on another driver."""
    done = run("demo", f"{mariadb_server.url}?ssl_disabled=true", "--seconds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\nkept") == 3
    assert mariadb_server.execute("SHOW TABLES LIKE 'pingpool%'") == []


def collide(url: str) -> None:
    """Look at an account, let another transaction change it, and change it too."""
    place = venue.named(url)
    with demo.books(place), demo.borrowed(place.database) as slow, demo.borrowed(place.database) as fast:
        ours, theirs = place.accounts_on(slow), place.accounts_on(fast)
        assert ours.balance(1) == OPENING_BALANCE
        assert theirs.change(1, -1)
        theirs.commit()
        try:
            ours.change(1, 1)
        finally:
            ours.roll_back()


@pytest.mark.server
def test_a_conflict_is_called_by_its_name(postgres_server: PostgresServer, mariadb_server: MariaDBServer) -> None:
    """Where the server lets only the faster of two transactions have its way, the bank knows that for no error."""
    with pytest.raises(Conflict):
        collide(f"{postgres_server.url}?options=-c%20default_transaction_isolation%3Dserializable")
    mariadb_server.execute("SET GLOBAL innodb_snapshot_isolation = ON")
    try:
        with pytest.raises(Conflict):
            collide(f"{mariadb_server.url}?ssl_disabled=true")
    finally:
        mariadb_server.execute("SET GLOBAL innodb_snapshot_isolation = DEFAULT")


@pytest.mark.server
def test_where_rows_are_locked_both_may_have_their_way(postgres_server: PostgresServer) -> None:
    """As a server usually is set up, a change that comes later is no conflict."""
    collide(postgres_server.url)


@pytest.mark.server
def test_a_user_who_may_do_nothing_in_mariadb_is_told_so(mariadb_server: MariaDBServer) -> None:
    """Who may make no table may drop none either; the demo says what came first, in one line."""
    mariadb_server.execute("CREATE DATABASE museum")
    mariadb_server.execute("GRANT SELECT ON museum.* TO guest@'%' IDENTIFIED BY ''")
    try:
        museum = mariadb_server.url.replace("root@", "guest@").replace("/test", "/museum")
        done = run("demo", f"{museum}?ssl_disabled=true")
        assert done.returncode == 1
        assert re.fullmatch("the bank could not be opened: .*CREATE command denied.*\n", done.stderr)
    finally:
        mariadb_server.execute("DROP USER guest@'%'")
        mariadb_server.execute("DROP DATABASE museum")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("spanner://project/instance/database", "begins with one of sqlite, "),
        ("sqlite://", "needs a file"),
        ("postgresql://host/db?sslmod=require", "sslmode"),
        ("redis://cache/shop", "by its number"),
        ("valkey://cache?socket_timout=3", "socket_timeout"),
        ("shop.db", "begins with one of sqlite, "),
    ],
)
def test_a_url_that_is_no_place_for_a_bank_is_refused(url: str, complaint: str) -> None:
    """A database that no bank can stand on, or a URL with a typo, ends with status 2 and a word on what is wrong."""
    done = CliRunner().invoke(app, ["demo", url])
    assert done.exit_code == 2
    assert complaint in done.output


def test_a_database_that_cannot_be_reached_is_named() -> None:
    """Where nobody listens the demo ends with status 1 and one clear message, and shows no traceback."""
    done = run("demo", f"postgresql://clerk:secret@127.0.0.1:{free_port()}/shop")
    assert done.returncode == 1
    assert "could be opened" in done.stderr
    assert not {"Traceback", "secret"} & set(re.findall(r"\w+", done.stderr))


@pytest.mark.server
def test_a_user_who_may_make_no_table_is_told_so(postgres_server: PostgresServer) -> None:
    """Without the right to make a table the demo says so and ends with status 1."""
    postgres_server.execute("CREATE ROLE guest LOGIN")
    try:
        done = run("demo", postgres_server.url.replace("postgres@", "guest@"))
        assert done.returncode == 1
        assert "permission denied" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        postgres_server.execute("DROP ROLE guest")
