"""A hundred thousand random schedules; millions in the `long` run."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from .schedules import run, run_many

CHUNK = 2_500


def run_side_by_side(first: int, count: int, *, progress: bool = False) -> int:
    """Spread the schedules over two processes; return how many events there were."""
    events = 0
    with ProcessPoolExecutor(max_workers=2) as processes:
        starts = range(first, first + count, CHUNK)
        for done, more in enumerate(processes.map(run_many, starts, [CHUNK] * len(starts)), 1):
            events += more
            if progress:
                sys.stdout.write(f"\r{done * CHUNK:,} of {count:,} schedules, {events:,} events")
    return events


@pytest.mark.timeout(600)
def test_random_schedules_end_with_all_slots_live() -> None:
    """In 100,000 random schedules no promise breaks, and after a quiet phase every slot is live."""
    events = run_side_by_side(0, 100_000)
    sys.stdout.write(f"\n100,000 schedules, {events:,} events\n")


@pytest.mark.long
@pytest.mark.timeout(0)
def test_millions_of_schedules() -> None:
    """So do PINGPOOL_SCHEDULES (a number, 2,000,000 if not set) schedules more, of other seeds."""
    count = int(os.environ.get("PINGPOOL_SCHEDULES", "2_000_000"))
    events = run_side_by_side(100_000, count, progress=True)
    sys.stdout.write(f"\n{count:,} schedules, {events:,} events\n")


def test_replay() -> None:
    """A seed is a whole schedule: living through it twice gives the same events (PINGPOOL_SEED says which to print)."""
    seed = int(os.environ.get("PINGPOOL_SEED", "10"))
    log = run(seed).log
    sys.stdout.write("\n".join(["", *log, ""]))
    assert run(seed).log == log
