"""The command as a user has it: the installed program, in a process of its own."""

import subprocess
import sysconfig
from pathlib import Path

PINGPOOL = Path(sysconfig.get_path("scripts")) / "pingpool"


PATIENCE = 110
"""Seconds after which it counts as hung; only a test that fails takes so long, however busy the machine."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run([PINGPOOL, *arguments], capture_output=True, text=True, timeout=PATIENCE)
