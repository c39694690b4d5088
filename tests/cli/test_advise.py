"""`pingpool advise`: the sums it shows, what it recommends, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import pingpool
from pingpool.cli.app import app
from pingpool.core.histogram import BOUNDS, Histogram
from pingpool.testing import Clock, FaultyDatabase, equip
from tests.cli.command import run


def advised(*arguments: str, given: str | None = None) -> Result:
    """Ask for advice; `given` comes through a pipe."""
    return CliRunner().invoke(app, ["advise", *arguments], input=given)


def counters(seconds_held: float, uses: int, slow_waits: int = 0) -> str:
    """Return what a pool of four would have counted, as JSON."""
    stats = {
        "size": 4,
        "waits": Histogram(BOUNDS, (uses - slow_waits, *[0] * 11, slow_waits, 0), 5.0 * slow_waits),
        "uses": Histogram(BOUNDS, (uses, *[0] * 13), seconds_held * uses),
    }
    return json.dumps(stats)


def test_the_load_is_multiplied_out() -> None:
    """Checkouts a second times seconds held are the sessions in use; then the least size for the wanted wait."""
    done = advised("--rate", "150", "--held", "20ms")
    assert done.exit_code == 0
    assert "150 checkouts a second × 20 ms held = 3 sessions in use on average" in done.output
    assert ["7", "3.8%", "6.63", "ms", "wanted"] in [line.split() for line in done.output.splitlines()]
    assert done.output.endswith("Take size=7.\n")


def test_a_shorter_wait_wants_more_sessions() -> None:
    """The wanted wait decides; with as many sessions as callers nobody ever waits."""
    assert advised("--rate", "150", "--held", "20ms", "--wait", "100ms").output.endswith("Take size=4.\n")
    assert advised("--rate", "150", "--held", "20ms", "--wait", "1ms").output.endswith("Take size=9.\n")
    assert advised("--rate", "150", "--held", "20ms", "--wait", "1ms", "--threads", "5").output.endswith("size=5.\n")


def test_the_server_has_room_for_so_many() -> None:
    """Without a load it is told how large a pool may be, and how that follows."""
    done = advised("--max-connections", "100", "--processes", "4", "--surge", "0.25")
    assert done.exit_code == 0
    assert "100 sessions - 10 for others = 90 for pools." in done.output
    assert "4 × (1 + 0.25 in a deployment) = 5." in done.output
    assert done.output.endswith("At most size=18.\n")


def test_a_size_that_does_not_fit_is_said_with_status_1() -> None:
    """More than the server has room for ends with status 1, and with what can be done."""
    done = advised("--size", "20", "--processes", "4", "--max-connections", "100")
    assert done.exit_code == 1
    assert "8 × 20 = 160 sessions" in done.output
    assert "size=20 does not fit: there is room for 11." in done.output
    assert advised("--size", "11", "--processes", "4", "--max-connections", "100").output.endswith("size=11 fits.\n")


def test_a_need_beyond_the_room_shows_what_the_room_would_mean() -> None:
    """Where the load needs more than there is room for, callers learn how long they would wait, if it ever ends."""
    done = advised("--rate", "500", "--held", "20ms", "--processes", "4", "--max-connections", "100")
    assert done.exit_code == 1
    assert "room for 11." in done.output
    assert advised("--rate", "900", "--held", "20ms", "--max-connections", "30").output.count("without end: too few")


def test_counters_of_a_real_pool_are_enough(tmp_path: Path) -> None:
    """From two snapshots of a running pool, and the time in between, comes the same advice."""
    clock = Clock()
    pool = equip(pingpool.PingingPool(2, name="shop"), clock=clock)
    pool.bind(FaultyDatabase())
    for name in ("before", "after"):
        (tmp_path / name).write_text(json.dumps(pool.stats()._asdict(), default=dict))
        for _ in range(300):
            session = pool.get()
            clock.advance(0.02)
            pool.put(session)
    pool.close()
    done = advised(str(tmp_path / "before"), str(tmp_path / "after"), "--over", "2s")
    assert "The load: 150 checkouts a second × 20 ms held = 3 sessions in use on average." in done.output
    assert ["2", "100.0%", "without", "end:", "too", "few", "today"] in [
        line.split() for line in done.output.splitlines()
    ]
    assert done.output.endswith("Take size=7; it is 2.\n")


def test_counters_come_through_a_pipe_too() -> None:
    """`-` reads them from the standard input."""
    done = advised("-", "--over", "60s", given=counters(0.02, 600))
    assert "The load: 10 checkouts a second × 20 ms held" in done.output
    assert "Counted: 99 of 100 checkouts waited at most 1 ms.\n\n" in done.output


def test_bursts_are_noticed() -> None:
    """Where callers waited much longer than the sum says, that is said: the sum knows nothing of bursts."""
    done = advised("-", "--over", "60s", given=counters(0.02, 600, slow_waits=60))
    assert "Counted: 99 of 100 checkouts waited at most 10 s." in done.output
    assert "they came in bursts" in done.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--processes", "4"], "say how busy the pool is"),
        (["--rate", "10"], "belong together"),
        (["--rate", "1e9", "--held", "1s"], "no load of one pool"),
        (["--rate", "10", "--held", "soon"], "write 20ms, 90s, 5m or 2h"),
        (["--size", "4", "--surge", "nan"], "--surge"),
        (["-"], "--over 60s"),
        (["nowhere.json", "--over", "60s"], "nowhere.json"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], complaint: str) -> None:
    """A question that cannot be answered ends with status 2, and says what is missing."""
    done = advised(*arguments, given=counters(0.02, 600))
    assert done.exit_code == 2
    assert complaint in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("given", "complaint"), [("nothing", "no counters"), (counters(0.02, 0), "no session came back")]
)
def test_counters_that_tell_nothing_are_refused(given: str, complaint: str) -> None:
    """A file without counters, or of a pool that nobody used, gives no load."""
    done = advised("-", "--over", "60s", given=given)
    assert done.exit_code == 2
    assert complaint in " ".join(done.output.replace("│", " ").split())


def test_the_installed_command_advises() -> None:
    """The program itself, in a process of its own, knows the command and its help."""
    assert "Take size=7." in run("advise", "--rate", "150", "--held", "20ms").stdout
    assert "Erlang" in run("advise", "--help").stdout
