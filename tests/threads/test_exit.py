"""The end of the process: never held up, never noisy, whatever state a pool is in."""

import time

import pytest

from tests.threads.processes import run

WAYS = [
    "open", "open after a pause", "kept alive", "hung", "many hung", "waiting", "in a block",
    "used at exit", "closed at exit", "busy", "unbound",
]  # fmt: skip


TRIES = 5
"""The machine may be busy: one quick end of so many is enough."""


@pytest.mark.parametrize("how", WAYS)
def test_the_process_ends_quietly_within_a_second(how: str) -> None:
    """With pools that are open, hung, waited for or in use, the process ends in a second, with nothing on stderr."""
    assert any(seconds_to_end(how) < 1.5 for _ in range(TRIES))  # with the time that Python itself takes to end


def seconds_to_end(how: str) -> float:
    """Run the program; return how long it took to leave."""
    outcome = run("leave", how)
    ended = time.monotonic()
    assert outcome.status == 0
    assert outcome.errors == ""
    return ended - float(outcome.output.split()[0])


@pytest.mark.parametrize("how", ["open", "open after a pause", "kept alive"])
def test_what_was_left_open_is_closed_at_exit(how: str) -> None:
    """Pools that were left open end their idle sessions at exit."""
    outcome = run("leave", how, "report")
    live = int(outcome.output.split()[-1])
    assert live == (1 if how == "open" else 0)
