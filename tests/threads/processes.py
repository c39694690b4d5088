"""Programs that run in a Python of their own, because they fork, exit, or get signals."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pingpool

PROGRAMS = Path(__file__).parent / "programs"
SOURCES = Path(pingpool.__file__).parent.parent


class Outcome(NamedTuple):
    """How a program ended."""

    status: int
    output: str
    errors: str
    seconds: float


def run(program: str, *arguments: str, seconds: float = 110) -> Outcome:
    """Run one of the programs to its end; one that hangs shows every stack, and fails."""
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "default", PROGRAMS / f"{program}.py", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(SOURCES), str(PROGRAMS))),
            "SECONDS": str(int(seconds - 10)),
        },
    )
    return Outcome(result.returncode, result.stdout, result.stderr, time.monotonic() - start)
