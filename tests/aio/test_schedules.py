"""Five thousand random schedules of real pools in a deterministic loop; a hundred thousand in the `long` run."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from .schedules import run, run_many

CHUNK = 250


def run_side_by_side(first: int, count: int, *, progress: bool = False) -> tuple[int, int]:
    """Spread the schedules over two processes; return how many events and how many cancels there were."""
    events = cancels = 0
    with ProcessPoolExecutor(max_workers=2) as processes:
        starts = range(first, first + count, CHUNK)
        for done, (more, more_cancels) in enumerate(processes.map(run_many, starts, [CHUNK] * len(starts)), 1):
            events += more
            cancels += more_cancels
            if progress:
                sys.stdout.write(f"\r{done * CHUNK:,} of {count:,} schedules, {events:,} events, {cancels:,} cancels")
    return events, cancels


def test_random_schedules_end_with_all_slots_live() -> None:
    """In 5,000 random schedules no slot is lost, no cancel swallowed, nobody shares a session, and all end live."""
    events, cancels = run_side_by_side(0, 5_000)
    sys.stdout.write(f"\n5,000 schedules, {events:,} events, {cancels:,} cancels" + "\n")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_schedules() -> None:
    """So do PINGPOOL_SCHEDULES (a number, 100,000 if not set) schedules more, of other seeds."""
    count = int(os.environ.get("PINGPOOL_SCHEDULES", "100_000"))
    events, cancels = run_side_by_side(5_000, count, progress=True)
    sys.stdout.write(f"\n{count:,} schedules, {events:,} events, {cancels:,} cancels" + "\n")


def test_replay() -> None:
    """A seed is a whole schedule: living through it twice gives the same events (PINGPOOL_SEED says which to print)."""
    seed = int(os.environ.get("PINGPOOL_SEED", "7"))
    log = run(seed).log
    sys.stdout.write("\n" + "\n".join(log) + "\n")
    assert run(seed).log == log
