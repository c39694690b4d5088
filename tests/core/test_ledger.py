"""What the ledger does besides its rules: drops, resets, doubts, pings, clear and close, refusals."""

import gc
import math

import pytest

from pingpool.core.backoff import FIRST_PAUSE
from pingpool.core.orders import Dropped, End, Order, Outcome, Refused, Round, Verdict
from pingpool.core.reports import DOUBTS
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING
from pingpool.errors import AlreadyReturned, NotLent, PoolClosed, PoolFull, TooManyWaiters
from pingpool.references import HAS_GIL

from .by_hand import Pool
from .model import Session, check

AWAY = ConnectionError("the database is away")


def test_a_dropped_session_frees_its_slot() -> None:
    """When the holder lets a session be collected, the slot is made anew and the place of the checkout is told."""
    pool = Pool(1)
    pool.fill()
    site = test_a_dropped_session_frees_its_slot.__code__
    session = pool.ledger.check_out(1.0, site, 42)
    assert session is not None
    del session
    gc.collect()
    orders = pool.ledger.tick(2.0)
    assert Dropped(site, 42) in orders
    pool.create_all(2.0)
    assert len(pool.ledger.idle) == 1


@pytest.mark.skipif(not HAS_GIL, reason="without the GIL an address is not reused at once; the explorer proves it")
def test_a_new_session_at_the_address_of_a_dropped_one_takes_nothing_from_it() -> None:
    """Two slots stay two slots when the next session gets the id of one that was collected while somebody waits."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    for job in (first, second):
        pool.ledger.start(job)
    pool.report(first, Outcome(End.CREATED, pool.session()), 0.0)
    session = pool.lend(0.0)
    address = id(session)
    waiter = pool.ask(0.0)
    del session
    same_place = pool.session()
    assert id(same_place) == address, "this interpreter does not reuse the address; the explorer still proves it"
    pool.report(second, Outcome(End.CREATED, same_place), 1.0)
    assert waiter.session is same_place
    check(pool.ledger, 1.0)


def test_a_session_with_something_left_open_is_reset_first() -> None:
    """It is lent again once a worker has reset it."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.take_back(pool.lend(0.0), Verdict.LEFT_OPEN, 1.0)
    waiter = pool.ask(1.0)
    pool.report(pool.job(RESETTING), Outcome(End.ALIVE), 2.0)
    assert waiter.session.name == 1


@pytest.mark.parametrize(("verdict", "after_error"), [(Verdict.MAY_HOLD_LOCKS, True), (Verdict.LEFT_OPEN, False)])
def test_a_session_that_may_hold_locks_is_freed_of_them(verdict: Verdict, after_error: bool) -> None:
    """A worker does it, and is told of the error; it is not told of one where there was none."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    pool.ledger.take_back(session, verdict, 1.0)
    assert pool.job(RESETTING).after_error is after_error
    pool.report(pool.job(RESETTING), Outcome(End.ALIVE), 2.0)
    assert pool.lend(3.0) is session
    assert pool.ledger.places.tally.pings == 0


def test_a_session_that_checks_never_prove_is_replaced() -> None:
    """After three bursts of checks that proved nothing the session is ended."""
    pool = Pool(1)
    pool.fill()
    now = 20.0
    for _ in range(DOUBTS):
        pool.ledger.ping(Round(), now)
        pool.report(pool.job(CHECKING), Outcome(End.IN_DOUBT, error=AWAY), now)
        now += 0.5
    assert [job.session.name for job in pool.jobs(CLOSING)] == [1]


def test_a_check_in_doubt_serves_nobody() -> None:
    """A session whose check proved nothing is lent to nobody, and checked again after a pause."""
    pool = Pool(1)
    pool.fill()
    waiter = pool.ask(20.0)
    pool.report(pool.job(CHECKING), Outcome(End.IN_DOUBT, error=AWAY), 20.0)
    assert (waiter.session, pool.jobs(CHECKING)) == (None, [])
    pool.ledger.tick(pool.ledger.wake_at(20.0))
    assert len(pool.jobs(CHECKING)) == 1


def test_ping_checks_what_is_due_once_and_counts_what_it_proved() -> None:
    """A round of pings is over when each due session is proven or replaced; a second round at once finds nothing."""
    pool = Pool(2)
    pool.fill()
    round = Round()
    pool.ledger.ping(round, 10.0)
    alive, gone = pool.jobs(CHECKING)
    again = Round()
    assert again in pool.ledger.ping(again, 10.0)
    pool.report(alive, Outcome(End.ALIVE), 10.0)
    pool.report(gone, Outcome(End.GONE), 10.0)
    assert not round.is_over
    pool.create_all(10.0)
    assert (round.is_over, round.proved) == (True, 1)


def test_a_kept_pool_pings_a_session_that_nobody_vouches_for() -> None:
    """A session without proof of life is due at once, also where pings are spread over the interval."""
    pool = Pool(2)
    pool.ledger.keep()
    pool.fill()
    other, dead = pool.lend(1.0), pool.lend(1.0)
    pool.ledger.take_back(dead, Verdict.LOST, 2.0)
    pool.ledger.check_in(other, 3.0)
    pool.ledger.ping(Round(), 3.0)
    assert [job.session for job in pool.jobs(CHECKING)] == [other]


def test_clear_ends_what_is_idle_and_spares_what_is_lent() -> None:
    """After clear nothing is made; what was lent may be put back; fill makes the rest."""
    pool = Pool(2)
    pool.fill()
    lent = pool.lend(0.0)
    pool.ledger.clear(Round(), 1.0)
    pool.report(pool.job(CLOSING), Outcome(End.CLOSED), 1.0)
    assert not pool.ledger.jobs
    pool.ledger.check_in(lent, 2.0)
    assert [slot.session for slot in pool.ledger.idle] == [lent]
    pool.fill(3.0)
    assert len(pool.ledger.idle) == 2


def test_close_tells_the_waiters_and_ends_what_comes_back() -> None:
    """A closed pool lends nothing: waiters are told at once, idle and returning sessions are ended."""
    pool = Pool(1)
    pool.fill()
    lent = pool.lend(0.0)
    waiter = pool.ask(0.0)
    assert waiter in pool.ledger.close(Round(), 1.0)
    assert isinstance(waiter.error, PoolClosed)
    pool.ledger.check_in(lent, 2.0)
    assert [job.session for job in pool.jobs(CLOSING)] == [lent]
    assert isinstance(pool.ask(3.0).error, PoolClosed)


def test_a_full_line_refuses_the_next() -> None:
    """With max_waiters in line the next caller is refused at once, and the line is as it was."""
    pool = Pool(1, max_waiters=1)
    pool.fill()
    pool.lend(0.0)
    first, second = pool.ask(0.0), pool.ask(0.0)
    assert isinstance(second.error, TooManyWaiters)
    assert (first.is_over, list(pool.ledger.waiters)) == (False, [first])


def rejection(orders: list[Order] | None) -> PoolFull:
    """Return the error with which the ledger answered."""
    [order] = orders or []
    assert isinstance(order, Refused)
    return order.error


def test_a_session_is_taken_back_once_and_only_from_its_holder() -> None:
    """A second put, and a put of something else, are refused and change nothing."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    assert isinstance(rejection(pool.ledger.check_in(Session(99), 1.0)), NotLent)
    for verdict in Verdict:
        assert isinstance(rejection(pool.ledger.take_back(Session(99), verdict, 1.0)), NotLent)
    pool.ledger.check_in(session, 1.0)
    assert isinstance(rejection(pool.ledger.check_in(session, 1.0)), AlreadyReturned)
    check(pool.ledger, 1.0)


def test_a_withdrawn_job_is_not_begun() -> None:
    """What was ordered and taken back is told from what is still to be done when a worker comes to it."""
    pool = Pool(1)
    pool.ledger.fill(Round(), 0.0)
    [job] = pool.jobs(CREATING)
    pool.ledger.clear(Round(), 0.0)
    assert not pool.ledger.start(job)
    assert pool.ledger.wake_at(0.0) == math.inf


def test_the_ledger_asks_to_be_woken_when_the_first_pause_ends() -> None:
    """Creations and checks pause by themselves; whichever may go on first is looked at first."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    pool.report(first, Outcome(End.CREATED, pool.session()), 0.0)
    pool.ledger.start(second)
    pool.ask(20.0)
    check_in_doubt = pool.job(CHECKING)
    pool.report(second, Outcome(End.FAILED, error=AWAY), 19.9)
    pool.report(check_in_doubt, Outcome(End.IN_DOUBT, error=AWAY), 20.0)
    assert pool.ledger.wake_at(20.0) == 19.9 + FIRST_PAUSE
    pool.ledger.tick(20.15)
    assert pool.ledger.wake_at(20.15) == 20.25
