"""The command is found by the name of the package, too; it teaches as much."""

import os
import subprocess
import sys

import pytest

from tests.cli.command import PATIENCE, run


def test_the_package_is_the_command() -> None:
    """`python -m pingpool` does what `pingpool` does."""
    command = [sys.executable, "-m", "pingpool", "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert asked.stdout == run("--version").stdout != ""


@pytest.mark.parametrize("command", [(), ("demo",), ("probe",), ("advise",)])
def test_the_package_teaches_like_the_command(command: tuple[str, ...]) -> None:
    """Its help differs in nothing but the name; and no flag is shown with a value that it would take."""
    asked = [sys.executable, "-m", "pingpool", *command, "--help"]
    help_of_package = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE).stdout
    help_of_command = run(*command, "--help").stdout
    assert help_of_package.split()[4:] == help_of_command.split()[2:] != []
    assert "bool" not in help_of_command


@pytest.mark.parametrize("command", ["demo", "probe", "advise"])
def test_a_terminal_that_knows_few_letters_is_enough(command: str) -> None:
    """What it cannot show is replaced, as in a locale without Unicode."""
    asked = [sys.executable, "-m", "pingpool", command, "--help"]
    poor = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, env=poor)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert command in shown.stdout
