"""The command is found by the name of the package, too."""

import subprocess
import sys

from tests.cli.command import PATIENCE, run


def test_the_package_is_the_command() -> None:
    """`python -m pingpool` does what `pingpool` does."""
    command = [sys.executable, "-m", "pingpool", "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert asked.stdout == run("--version").stdout != ""
