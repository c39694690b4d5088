"""A forked child starts with an empty pool, and never touches a session of its parent."""

import json
import os

import pytest

from tests.threads.processes import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.mark.parametrize("how", ["idle and lent", "hard exit", "kept alive", "in mid-turn", "waiting"])
def test_a_child_never_touches_its_parents_sessions(how: str) -> None:
    """The child uses, pings, closes and collects only what it opened itself, and the parent is unharmed."""
    outcome = run("fork", how)
    assert outcome.status == 0, outcome.errors
    told = json.loads(outcome.output.splitlines()[-1])
    assert told["failed"] == 0, outcome.errors
    assert told["trespasses"] == []
    assert told["made"] >= 8


def test_multiprocessing_by_fork_may_use_an_inherited_pool() -> None:
    """The workers of a forking `multiprocessing.Pool` open sessions of their own."""
    outcome = run("spawn")
    assert outcome.status == 0, outcome.errors


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_thousand_forks_under_load() -> None:
    """Each of a thousand children works, while four threads use the pool of the parent, and touches none of its."""
    outcome = run("forks", "1000", seconds=590)
    assert outcome.status == 0, outcome.errors
    assert "forked 1000, failed 0" in outcome.output


def test_dozens_of_forks_under_load() -> None:
    """The same for a moment."""
    outcome = run("forks", "40")
    assert outcome.status == 0, outcome.errors
    assert "forked 40, failed 0" in outcome.output


@pytest.mark.parametrize("when", ["inside", "failed"])
def test_a_child_of_a_fork_in_the_middle_of_a_bind_can_bind(when: str) -> None:
    """No lock of the parent's `bind` stays held in the child, and nothing is left of one that failed before."""
    outcome = run("fork_in_bind", when)
    assert outcome.status == 0, outcome.errors
