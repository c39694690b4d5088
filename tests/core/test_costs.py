"""What an event costs in steps, counted, not timed: as many in a large pool as in a small one, or hardly more."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict, Waiter
from pingpool.core.slot import CREATING

from .by_hand import Pool
from .compared import Compared

SMALL, LARGE = 20, 2000

LOGARITHM = 60
"""So many steps more a large pool may take, for a heap or a bisection."""


def steps_of(event: Callable[[], object]) -> int:
    """Return how many lines, and turns of loops, run in an event."""
    steps = 0

    def count(frame: FrameType, what: str, _: object) -> Any:
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        event()
    finally:
        sys.settrace(before)
    return steps


def full(size: int, **options: Any) -> Pool:
    """Return a pool of plain slots, filled one after the other, at 1.0 at the latest."""
    pool = Pool(size, slots=None, interval=3000.0, **options)
    pool.ledger.keep()
    pool.ledger.fill(Round(), 0.0)
    for nth, job in enumerate(pool.jobs(CREATING)):
        pool.report(job, Outcome(End.CREATED, pool.session()), nth / size)
    return pool


def a_hang_up_in_use(size: int) -> int:
    """All sessions but one are lent, and the other side has hung up on all but one of them: then on that one."""
    pool = full(size)
    slots = list(pool.ledger.idle)
    held = [pool.lend(2.0) for _ in slots[1:]]
    *others, last = slots[: len(held)]
    for slot in others:
        pool.ledger.hung_up(slot, slot.ref, 3.0)
    steps = steps_of(lambda: pool.ledger.hung_up(last, last.ref, 3.0))
    assert len(pool.ledger.places.hangups.heard) == len(held)
    return steps


def a_return_in_a_renewal(size: int) -> int:
    """Half the sessions are lent, all are to be renewed, and one of the lent comes back."""
    pool = full(size)
    held = [pool.lend(2.0) for _ in range(size // 2)]
    pool.ledger.renew(3.0)
    return steps_of(lambda: pool.ledger.take_back(held[0], Verdict.WELL, 4.0))


def a_look_at_what_is_too_old(size: int) -> int:
    """All sessions have a date, and all but two are lent."""
    pool = full(size, lifetime=100_000.0)
    held = [pool.lend(2.0) for _ in range(size - 2)]
    steps = steps_of(lambda: pool.ledger.next_look_at(3.0))
    assert len(pool.ledger.lent) == len(held)
    return steps


def a_session_given_back_unused(size: int) -> int:
    """The one with the oldest proof reached a caller who had left."""
    pool = full(size)
    waiter = Waiter(None, 0)
    waiter.session = pool.lend(2.0)
    return steps_of(lambda: pool.ledger.abandon(waiter, 3.0))


@pytest.mark.parametrize(
    "event", [a_hang_up_in_use, a_return_in_a_renewal, a_look_at_what_is_too_old, a_session_given_back_unused]
)
def test_an_event_costs_no_more_in_a_large_pool(event: Callable[[int], int]) -> None:
    """A hundred times as many sessions, and as many steps."""
    assert event(LARGE) <= event(SMALL) + LOGARITHM


class ComparedRound(Compared, Round):
    """A round that counts how often it is compared with another one."""


def test_those_who_wait_for_sessions_to_be_open_are_not_compared_with_each_other() -> None:
    """Each is looked at once a turn, however many they are."""
    pool = Pool(2)
    pool.fill()
    for _ in range(20):
        pool.ledger.expect(ComparedRound(), 1.0)
    assert len(pool.ledger.rounds) == 20
    Compared.times = 0
    pool.ledger.tick(1.0)
    assert Compared.times == 0
