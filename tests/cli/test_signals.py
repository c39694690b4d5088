"""Signals that ask a command to end: it goes as on Ctrl-C, with what it owes."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, PINGPOOL


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that asks to end, and is heard: below `nohup` the tests ignore it, and so would what they start."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_the_demo_ends_with_its_report(number: signal.Signals) -> None:
    """The bank is closed early, its books are checked, and the report is printed."""
    command = [str(PINGPOOL), "demo", "--plain", "--seconds", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()  # the bank is open
        running.send_signal(number)
        rest, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert "Stopped early." in rest
    assert "The money adds up" in rest


def test_the_probe_ends_with_what_it_has_seen(number: signal.Signals, tmp_path: Path) -> None:
    """What was found until then is told, with status 1."""
    command = [str(PINGPOOL), "probe", f"sqlite:///{tmp_path}/x.db", "--up-to", "1h"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while not running.stdout.readline().startswith("idle for"):
            continue
        running.send_signal(number)
        rest, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    assert "Stopped early.\nNo session died up to " in rest
