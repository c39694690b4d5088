"""The end of the process: never held up, never noisy, whatever state a pool is in."""

import pytest

from pingpool.threads.exit import FAREWELL
from tests.threads.processes import run

WAYS = [
    "open", "open after a pause", "kept alive", "hung", "many hung", "waiting", "in a block",
    "used at exit", "closed at exit", "busy", "unbound",
]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
def test_the_process_ends_quietly_within_a_second(how: str) -> None:
    """With pools that are open, hung, waited for or in use, the end waits for a second in all, and says nothing."""
    outcome = run("leave", how)
    assert outcome.status == 0
    assert outcome.errors == ""
    assert float(outcome.output.split()[-1]) <= FAREWELL


@pytest.mark.parametrize("how", ["open", "open after a pause", "kept alive"])
def test_what_was_left_open_is_closed_at_exit(how: str) -> None:
    """Pools that were left open end their idle sessions at exit."""
    outcome = run("leave", how)
    _, live, *_ = outcome.output.splitlines()[-1].split()
    assert int(live) == (1 if how == "open" else 0)
