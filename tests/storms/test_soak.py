"""A short soak in each world, in a process of its own; `make soak` is the long one."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak import MARKS, MAY_GROW, Mark, Soak
from pingpool.testing import FaultyDatabase

ROOT = Path(__file__).parents[2]


@pytest.mark.proof
@pytest.mark.parametrize("world", ["threads", "asyncio"])
def test_nothing_grows(world: str) -> None:
    """Gets, puts, errors, cancels, drops and deaths, some fifty thousand: memory, threads, descriptors stay level."""
    command = [sys.executable, "-m", "bench.soak", "--uses", "50000", world]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing grew" in done.stdout


@pytest.mark.parametrize("what", sorted(MAY_GROW))
def test_what_grows_is_found(what: str) -> None:
    """A count that is a little higher at every mark is told, one that jumps now and then is not."""
    level = Mark(seconds=0.0, uses=0, blocks=50_000, kilobytes=20_000, threads=5, descriptors=9)
    soak = Soak(FaultyDatabase(), 1000)
    step = MAY_GROW[what]
    soak.marks = [level._replace(**{what: getattr(level, what) + step * number}) for number in range(MARKS)]
    assert soak.growth() == {what: step * MARKS * 4 // 5 - step * MARKS // 5}
    soak.marks = [
        level._replace(**{what: getattr(level, what) + 9 * step * (number % 3 == 1)}) for number in range(MARKS)
    ]
    assert soak.growth() == {}
