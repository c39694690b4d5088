"""Exhaustive proofs: every order of events in a small pool, and a way out of every state.

Each aspect is explored completely at 2 slots and 2 or 3 callers: proofs, which take minutes. A quick look at the first
states comes with every run.
"""

import dataclasses
import os
import sys
from collections import deque
from typing import Any

import pytest

from pingpool.core.orders import End, Job, Outcome, Round, Waiter

from .explorer import survey
from .model import Session
from .small import Config, clone_ledger, small_ledger
from .world import World

STATES = int(os.environ.get("PINGPOOL_STATES", "1_500"))
"""So many states are looked at in each proof, and no dead ends for that; 0 means all, which takes an hour."""

PLAIN = Config(2, 3, late=False, resets=False, doubts=False, refusals=False)

ASPECTS: dict[str, tuple[Config, int | None]] = {
    "late reports, resets and refusals": (Config(2, 3, doubts=False), 8_000),  # all: two minutes
    "checks that prove nothing": (dataclasses.replace(PLAIN, doubts=True), 6_000),  # all: four minutes
    "limited lifetimes": (dataclasses.replace(PLAIN, callers=2, resets=True, lifetime=3), None),
    "sessions with an end of their own": (dataclasses.replace(PLAIN, callers=1, expiring=True), None),
    "rounds that somebody waits for": (dataclasses.replace(PLAIN, callers=2, resets=True, rounds=1), None),
    "a limited line": (dataclasses.replace(PLAIN, max_waiters=1, refusals=True), None),
    "sessions that are unfit for the next holder": (dataclasses.replace(PLAIN, resets=True, leftovers=True), 6_000),
    "callers who ask for another session inside a block": (
        dataclasses.replace(PLAIN, callers=2, resets=True, nested=True),
        None,
    ),
    "workers that cannot be had": (dataclasses.replace(PLAIN, callers=2, doubts=True, short_staffed=True), 3_000),
    "sessions that die before anybody has proven them": (
        Config(2, 2, young=True, late=False, resets=False, doubts=False, refusals=False),
        3_000,
    ),
    "sessions opened on demand": (
        dataclasses.replace(PLAIN, callers=2, on_demand=True, rounds=1),
        6_000,
    ),  # all: two minutes
    "sessions that are renewed, discarded or kept": (
        dataclasses.replace(PLAIN, callers=2, renewals=True, rounds=1),
        6_000,
    ),
    "sessions opened on demand and renewed": (
        dataclasses.replace(PLAIN, callers=1, on_demand=True, renewals=True, rounds=1),
        6_000,
    ),
    "hang-ups that are heard": (dataclasses.replace(PLAIN, callers=2, hang_ups=True), 6_000),
    "hang-ups under jobs of every kind": (
        dataclasses.replace(PLAIN, callers=2, resets=True, doubts=True, leftovers=True, quick=True, hang_ups=True),
        6_000,
    ),
    "hang-ups while sessions are renewed": (
        dataclasses.replace(PLAIN, callers=1, renewals=True, rounds=1, hang_ups=True),
        6_000,
    ),
    "hang-ups on sessions that nobody has proven": (
        Config(2, 2, young=True, late=False, resets=False, doubts=False, refusals=False, hang_ups=True),
        4_000,
    ),
    "sessions that live at the server": (dataclasses.replace(PLAIN, callers=2, lives_on=True), 6_000),
    "sessions created elsewhere, and quick checks": (
        dataclasses.replace(PLAIN, callers=2, adoptions=True, quick=True),
        None,
    ),
}


def test_the_first_states_keep_every_promise() -> None:
    """Three slots and three callers break no promise in the states that a second or two sees."""
    survey(Config(3, 3), 2_000)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_order_of_events_keeps_every_promise(aspect: str) -> None:
    """No order of events breaks a promise, and from every open state friendly events lead to all slots live."""
    config, most = ASPECTS[aspect]
    found = survey(config, None if STATES == 0 else min(STATES, most or STATES))
    sys.stdout.write(f"\n{aspect}: {found.states} states, {found.steps} steps\n")
    assert found.dead_end is None, f"no way out after:\n{found.dead_end}"


@pytest.mark.proof
@pytest.mark.timeout(0)
def test_all_aspects_at_once() -> None:
    """Two slots and three callers with everything that may happen to them at once break no promise either.

    So in PINGPOOL_STATES (a number) states; 0 means all, which takes a quarter of an hour.
    """
    found = survey(Config(2, 3), STATES or None)
    sys.stdout.write(f"\n{found.states} states, {found.steps} steps\n")
    assert found.dead_end is None, f"no way out after:\n{found.dead_end}"


@pytest.mark.proof
@pytest.mark.timeout(0)
def test_three_slots_and_three_callers() -> None:
    """Three slots and three callers break no promise in the first states that there are."""
    found = survey(Config(3, 3), 6_000)
    sys.stdout.write(f"\n{found.states} states, {found.steps} steps\n")


EXEMPT = {"tally", "uses", "recent", "learner", "jitter", "_jitter", "_learner", "dates"}
"""What clones need not share, because it is no part of a state: statistics, what is learned, which is nothing, and the
dates, which are those of the slots."""


def fields(thing: object) -> dict[str, Any]:
    """Return all attributes of an object with slots."""
    names = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()) if name[:2] != "__"}
    return {name: getattr(thing, name) for name in names - EXEMPT if hasattr(thing, name)}


def compare(old: object, new: object, twins: dict[Any, Any], path: str) -> None:
    """Check that the copy of a part shares nothing that changes, and has the same content."""
    assert type(old) is type(new), path
    twins[old] = new
    for name, was in fields(old).items():
        now = getattr(new, name)
        where = f"{path}.{name}"
        if isinstance(was, set):
            assert (now, now is was) == ({twins[each] for each in was}, False), where
        elif isinstance(was, tuple):  # never changed in place
            assert now == tuple(twins.get(each, each) for each in was), where
        elif isinstance(was, deque | list):
            assert (list(now), now is was) == ([twins.get(each, each) for each in was], False), where
        elif isinstance(was, dict):
            assert ({twins.get(k, k): twins.get(v, v) for k, v in was.items()}, now is was) == (dict(now), False), where
        elif hasattr(was, "__slots__") and was not in twins:
            compare(was, now, twins, where)
        elif not callable(was):
            assert twins.get(was, was) == now, where


def test_a_clone_shares_nothing_that_changes() -> None:
    """The explorer's copy of a ledger forgets no attribute: everything that can change is a copy with equal content."""
    ledger = small_ledger(Config(2, 1))
    for job in [job for job in ledger.fill(Round(), 0.0) if isinstance(job, Job)]:
        ledger.start(job)
    job = next(iter(ledger.jobs))
    ledger.report(job, Outcome(End.CREATED, Session(1)), 1.0)
    ledger.ask(Waiter(None, 0), 1.0)
    ledger.ask(Waiter(None, 0), 1.0)
    twins: dict[Any, Any] = {}
    clone = clone_ledger(Config(2, 1), ledger, twins)
    for original, twin in list(twins.items()):
        compare(original, twin, twins, type(original).__name__)
    compare(ledger, clone, twins, "ledger")


def test_a_clone_has_a_future_of_its_own() -> None:
    """What happens to a clone does not happen to the original."""
    world = World(Config(2, 2))
    for event in ("fill", "start", "created", "get"):
        before = world.key()
        clone = world.clone()
        assert clone.key() == before
        clone.apply((event, 0))
        assert world.key() == before
        world = clone
    assert isinstance(world.held[0], Session)
