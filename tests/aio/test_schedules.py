"""Random schedules of real pools in a deterministic loop: a few hundred in every run, thousands as a proof."""

import logging
import os
import sys

import pytest

from .schedules import run, run_many

# Sessions are dropped here on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

FEW = 500
MANY = int(os.environ.get("PINGPOOL_SCHEDULES", "2_000"))
CHUNK = 2_000


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """Log nothing: each schedule has its failures."""
    caplog.set_level(logging.CRITICAL, "pingpool")


def test_random_schedules_end_with_all_slots_live() -> None:
    """In hundreds of schedules no slot is lost, no cancel swallowed, nobody shares a session, and all end live."""
    run_many(0, FEW)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, CHUNK))
def test_thousands_of_schedules(first: int) -> None:
    """So do PINGPOOL_SCHEDULES (a number) more, of other seeds."""
    run_many(first, CHUNK)


def test_replay() -> None:
    """A seed is a whole schedule: living through it twice gives the same events (PINGPOOL_SEED says which to print)."""
    seed = int(os.environ.get("PINGPOOL_SEED", "7"))
    log = run(seed).log
    sys.stdout.write("\n" + "\n".join(log) + "\n")
    assert run(seed).log == log
