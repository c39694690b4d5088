"""The command as a user has it: the installed program, in a process of its own."""

import subprocess
import sysconfig
from pathlib import Path

PINGPOOL = Path(sysconfig.get_path("scripts")) / "pingpool"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run([PINGPOOL, *arguments], capture_output=True, text=True, timeout=60)
