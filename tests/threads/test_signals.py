"""Real interrupts at random times: Ctrl-C, exceptions thrown into threads, timers whose handlers use the pool."""

import pytest

from tests.threads.processes import run


@pytest.mark.parametrize("how", ["by kill", "by thread", "blocks", "overdue"])
def test_hundreds_of_ctrl_c_lose_nothing(how: str) -> None:
    """After hundreds of SIGINTs into `get`, `put` and blocks of the main thread all slots are live."""
    outcome = run("ctrl_c", how, "1", "400")
    assert outcome.status == 0, outcome.errors
    assert "interrupted" in outcome.output


@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_exceptions_thrown_into_threads_lose_nothing(seed: int) -> None:
    """After thousands of exceptions thrown into threads that use the pool all slots are live."""
    outcome = run("throw", str(seed), "4000")
    assert outcome.status == 0, outcome.errors
    assert "thrown 4000" in outcome.output


@pytest.mark.parametrize("how", ["fresh", "overdue"])
def test_a_signal_handler_may_use_the_pool_at_any_moment(how: str) -> None:
    """A timer's handler that puts, ends blocks, looks and gets, thousands of times, loses nothing."""
    outcome = run("alarm", how, "1")
    assert outcome.status == 0, outcome.errors
    assert "handled" in outcome.output


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_tens_of_thousands_of_exceptions_thrown_into_threads(seed: int) -> None:
    """The same for longer, with four seeds."""
    outcome = run("throw", str(seed), "30000", seconds=590)
    assert outcome.status == 0, outcome.errors
