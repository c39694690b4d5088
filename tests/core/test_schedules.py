"""Random schedules: a few thousand in every run, half a million as a proof."""

import os
import sys

import pytest

from .schedules import run, run_many

FEW = 5_000
MANY = int(os.environ.get("PINGPOOL_SCHEDULES", "8_000"))
CHUNK = 8_000


def test_random_schedules_end_with_all_slots_live() -> None:
    """In thousands of random schedules no promise breaks, and after a quiet phase every slot is live."""
    run_many(0, FEW)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, CHUNK))
def test_hundreds_of_thousands_of_schedules(first: int) -> None:
    """So do PINGPOOL_SCHEDULES (a number) more, of other seeds."""
    run_many(first, CHUNK)


def test_replay() -> None:
    """A seed is a whole schedule: living through it twice gives the same events (PINGPOOL_SEED says which to print)."""
    seed = int(os.environ.get("PINGPOOL_SEED", "10"))
    log = run(seed).log
    sys.stdout.write("\n".join(["", *log, ""]))
    assert run(seed).log == log
