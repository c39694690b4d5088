"""`pingpool probe`: what it does to sessions, by a told clock; what it says; and that it finds a real limit."""

import io
import math
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pingpool.cli import probe
from pingpool.cli.app import app
from pingpool.cli.durations import seconds_of, spoken
from pingpool.telemetry.idling import Search
from pingpool.telemetry.probe import Probe
from pingpool.testing import Clock, FakeSession, FaultyDatabase, SessionDied, Trouble
from pingpool.testing.ports import free_port
from pingpool.testing.servers import PostgresServer
from pingpool.testing.skipping import skipped_if_missing
from tests.cli.command import PATIENCE, PINGPOOL


class LonelyDatabase(FaultyDatabase):
    """Sessions that die when they were left alone for `limit` seconds of a told clock."""

    def __init__(self, clock: Clock, limit: float = math.inf, *, handshake: float = 0.0) -> None:
        super().__init__()
        self.clock = clock
        self.limit = limit
        self.handshake = handshake
        self.since: dict[int, float] = {}
        self.opened: list[FakeSession] = []
        self.proven: Counter[int] = Counter()

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        self.clock.advance(self.handshake)
        session = super().create(labels=labels, timeout=timeout)
        self.since[session.number] = self.clock.now()
        self.opened.append(session)
        return session

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        self.proven[session.number] += 1
        if self.clock.now() - self.since[session.number] >= self.limit:
            self.kill(session)
        super().ping(session, timeout=timeout)


def begun(database: LonelyDatabase, up_to: float = 1800, sessions: int = 24) -> Probe[FakeSession]:
    """Begin a probe that lives by the database's clock."""
    return Probe(database, Search(up_to, sessions), now=database.clock.now)


def finished(trial: Probe[FakeSession], clock: Clock) -> Search:
    """Run a probe to its end, in no time."""
    for wait in trial.run():
        clock.advance(wait)
    return trial.search


# What it does


@pytest.mark.parametrize("limit", [2.0, 60.0, 350.0, 1700.0])
def test_a_limit_is_found_in_the_time_of_two_rounds(limit: float) -> None:
    """The gap between alive and dead holds the limit, and finding it takes as long as the limit, twice."""
    clock = Clock()
    trial = begun(LonelyDatabase(clock, limit))
    search = finished(trial, clock)
    assert search.youngest_dead is not None
    assert search.oldest_alive < limit <= search.youngest_dead
    assert trial.elapsed() < 2.5 * limit


def test_every_session_is_proven_once_at_most_and_none_stays_open() -> None:
    """A ping would make a session young again, so it gets one; afterwards each is deleted, proven or not."""
    clock = Clock()
    database = LonelyDatabase(clock, 100)
    search = finished(begun(database), clock)
    assert set(database.proven.values()) == {1}
    assert len(search.findings) == database.proven.total() < len(database.opened)
    assert all(session.is_deleted for session in database.opened)


def test_slow_opening_makes_no_session_late() -> None:
    """Those that wait longest are opened first: each is proven at the age that was planned."""
    clock = Clock()
    planned = Search(1800, 24).next_round()
    search = finished(begun(LonelyDatabase(clock, handshake=0.01)), clock)
    assert [finding.age for finding in search.findings] == pytest.approx(planned, abs=0.01)


def test_the_time_left_is_honest() -> None:
    """Where nothing dies the estimate of the time left never changes but by the time that passes."""
    clock = Clock()
    trial = begun(LonelyDatabase(clock), up_to=600)
    ends = []
    for wait in trial.run():
        ends.append(trial.elapsed() + trial.left())
        clock.advance(wait)
    assert ends == pytest.approx([600] * len(ends), abs=0.01)


def test_after_a_death_the_time_left_is_an_upper_bound() -> None:
    """From the second round on, the time left that is told first is enough."""
    clock = Clock()
    trial = begun(LonelyDatabase(clock, 100), sessions=3)
    bound = math.inf
    for wait in trial.run():
        if trial.search.rounds >= 2:
            bound = min(bound, trial.elapsed() + trial.left())
        clock.advance(wait)
    assert trial.elapsed() <= bound + 0.01


def test_a_restart_is_no_limit() -> None:
    """If all sessions die at once of another cause the probe tries again, and outlives that age."""
    clock = Clock()
    database = LonelyDatabase(clock)
    trial = begun(database, up_to=300)
    for wait in trial.run():
        if trial.search.oldest_alive > 40 and not trial.search.deaths:
            database.kill_all()
        clock.advance(wait)
    assert trial.search.oldest_alive >= 300
    assert trial.search.youngest_dead is None
    assert len(trial.search.strays) == 1
    assert any("although others lived longer" in line for line in probe.verdict(trial.search))


def test_an_answer_that_says_nothing_is_counted_as_such() -> None:
    """An error that says nothing about the session is neither life nor death."""
    clock = Clock()
    database = LonelyDatabase(clock)
    database.fail("ping", Trouble, times=3)
    search = finished(begun(database, up_to=300), clock)
    assert search.deaths == []
    assert search.oldest_alive >= 300
    assert any(line.startswith("Of 3 sessions nothing is known") for line in probe.verdict(search))


# What it says


class Shown:
    """A probe whose waits are told to its clock, and what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: float = math.inf, *, terminal: bool = False) -> None:
        self.clock = Clock()
        self.database = LonelyDatabase(self.clock, limit)
        self.console = Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False)
        self.plain = not terminal
        monkeypatch.setattr("pingpool.cli.probe.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def run(self, up_to: float = 300) -> bool:
        return probe.observe(begun(self.database, up_to), self.console, plain=self.plain)

    @property
    def text(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()


def test_a_limit_is_reported_with_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report names the oldest age alive, the youngest dead, and an interval below both."""
    shown = Shown(monkeypatch, limit=100)
    assert shown.run()
    found = re.search(r"alive after (.+) idle, and dead after (.+)\.\nRecommended: ping_interval=(\d+)\n", shown.text)
    assert found is not None
    alive, dead, interval = found.groups()
    assert (alive, dead) == ("1 min 39 s", "1 min 42 s")
    assert 70 <= float(interval) <= 80


def test_a_plain_report_is_one_line_for_each_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe there is a line for each session that was proven, with the error that a dead one met."""
    shown = Shown(monkeypatch, limit=100)
    shown.run()
    lines = [line for line in shown.text.splitlines() if line.startswith("idle for ")]
    assert len(lines) == shown.database.proven.total()
    assert sum("dead   session" in line for line in lines) == 2
    assert "\x1b" not in shown.text


def test_what_was_not_tried_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing died the report claims no more than was seen."""
    shown = Shown(monkeypatch)
    assert shown.run()
    assert "No session died up to 5 min idle; longer ages were not tried." in shown.text
    assert "ping_interval=240 or less" in shown.text


def test_a_terminal_gets_a_bar_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal a bar shows how much is over, and the time left is told, and what it hangs on."""
    shown = Shown(monkeypatch, limit=100, terminal=True)
    assert shown.run()
    for words in ("━", "5 min left if none dies", " left at most", "ping_interval="):
        assert words in shown.text


def test_ctrl_c_ends_it_with_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped early it says what it saw until then, ends with no session open, and is no success."""
    shown = Shown(monkeypatch)

    def sleep(seconds: float) -> None:
        shown.sleep(seconds)
        if len(shown.database.proven) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr("pingpool.cli.probe.time.sleep", sleep)
    assert not shown.run()
    assert "Stopped early.\nNo session died up to 10.7 s idle; longer ages were not tried." in shown.text
    assert shown.database.live == []


def test_a_database_that_opens_no_more_sessions_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a session cannot be opened the reason is told, what was seen stands, and those that were opened are ended."""
    shown = Shown(monkeypatch, limit=100)

    def sleep(seconds: float) -> None:
        shown.sleep(seconds)
        shown.database.fail("create", lambda: SessionDied("too many [clients]"))

    monkeypatch.setattr("pingpool.cli.probe.time.sleep", sleep)
    assert not shown.run()
    assert "No session could be opened: too many [clients]\nSessions were alive after" in shown.text
    assert shown.database.live == []


def test_where_nothing_lives_nothing_is_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path on which even the youngest session is dead gets no interval."""
    shown = Shown(monkeypatch, limit=0)
    assert shown.run()
    assert "none was seen alive.\nNo ping_interval can be recommended." in shown.text


# What a person types


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("30min", 1800), ("2 h", 7200), ("1d", 86400), ("250ms", 0.25)],
)
def test_times_are_read_with_their_units(text: str, seconds: float) -> None:
    """A number alone is seconds; the usual units are known."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "3x", "0", "-5m", "nan", "inf", "1e999", "5 m 3 s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Anything else, and a time that is not positive or does not end, is refused by name."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.256, "0.25 s"), (1.999, "1.99 s"), (12.34, "12.3 s"), (300, "5 min"), (359.9, "5 min 59 s")],
)
def test_times_are_written_so_that_they_never_say_too_much(seconds: float, text: str) -> None:
    """A time is rounded down, so that "alive after" is never more than was seen."""
    assert spoken(seconds) == text


def test_long_times_are_written_in_hours() -> None:
    """From an hour on the seconds do not matter, and texts grow with times."""
    assert (spoken(3600), spoken(4859)) == ("1 h", "1 h 20 min")
    assert all(seconds_of(spoken(younger)) < seconds_of(spoken(older)) for younger, older in pairwise([1.0, 30, 120]))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sqlite:///x.db", "--up-to", "3x"], "write 20ms, 90s, 5m or 2h"),
        (["sqlite:///x.db", "--sessions", "1"], "--sessions"),
        (["nonsense://x"], "known schemes"),
        (["postgresql://h/d?sslmod=x"], "sslmode"),
        ([], "URL"),
    ],
)
def test_a_bad_option_is_refused_at_once(arguments: list[str], complaint: str) -> None:
    """A URL or an option that makes no sense ends with status 2, before anything is opened, and is named."""
    done = CliRunner().invoke(app, ["probe", *arguments])
    assert done.exit_code == 2
    assert complaint in done.output


# For real


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Start programs that heed SIGINT: whoever is started with it ignored, as some shells do, ignores it for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    return subprocess.run([PINGPOOL, "probe", *arguments], capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture(scope="module")
def impatient_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that ends sessions which were idle for two seconds."""
    with skipped_if_missing():
        server = PostgresServer(settings={"idle_session_timeout": "2s"})
    with server:
        yield server


@pytest.mark.server
def test_the_limit_of_a_real_server_is_found(impatient_server: PostgresServer) -> None:
    """On a server with an idle limit of 2 s the probe finds one between 1 and 3 s, and leaves no session there."""
    done = run(impatient_server.url, "--up-to", "5s")
    assert (done.returncode, done.stderr) == (0, "")
    found = re.search(r"alive after (.+) idle, and dead after (.+)\.", done.stdout)
    assert found is not None
    assert 1 <= seconds_of(found[1]) < seconds_of(found[2]) <= 3
    assert impatient_server.backends() == []


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_a_real_ctrl_c_is_obeyed(tmp_path: Path) -> None:
    """A SIGINT ends the command within seconds, with status 1 and a report."""
    command = [str(PINGPOOL), "probe", f"sqlite:///{tmp_path}/x.db", "--up-to", "1h"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while not running.stdout.readline().startswith("idle for"):
            continue
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    assert "Stopped early.\nNo session died up to " in rest


def test_a_database_that_cannot_be_reached_is_named() -> None:
    """Where nobody listens the probe ends with status 1, says why, and claims to know nothing."""
    done = run(f"postgresql://clerk:secret@127.0.0.1:{free_port()}/shop")
    assert (done.returncode, done.stderr) == (1, "")
    assert "No session could be opened" in done.stdout
    assert "Nothing is known" in done.stdout
    assert "secret" not in done.stdout
