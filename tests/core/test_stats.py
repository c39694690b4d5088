"""The picture of a pool in numbers, and in one line of text."""

import math

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CREATING
from pingpool.core.stats import snapshot

from .by_hand import Pool


def test_every_slot_is_counted_where_it_is() -> None:
    """The first figures add up to the size, whatever the slots do."""
    pool = Pool(7, interval=10.0)
    pool.ledger.fill(Round(), 0.0)
    for job in pool.jobs(CREATING)[1:]:
        pool.report(job, Outcome(End.CREATED, pool.session()), 0.0)
    for verdict in (Verdict.UNPROVEN, Verdict.LEFT_OPEN, Verdict.TAINTED):
        pool.ledger.take_back(pool.lend(1.0), verdict, 1.0)
    held = pool.lend(1.0)
    stats = snapshot(pool.ledger)
    assert stats[:9] == (7, 2, 1, 1, 1, 1, 1, 0, 0)
    assert str(stats) == (
        "7 sessions: 2 idle, 1 in use, 1 being created, 1 being checked, 1 being reset, 1 being closed; 0 waiting"
    )
    assert held is not None


def test_an_empty_pool_says_so() -> None:
    """What is 0 goes without saying, but for the idle and the lent."""
    pool = Pool(1)
    pool.ask(0.0)
    assert str(snapshot(pool.ledger)) == "1 session: 0 idle, 0 in use, 1 vacant; 1 waiting"


def test_a_pool_that_opens_on_demand_is_healthy_with_what_was_asked_for() -> None:
    """It is not, while somebody waits, or after an attempt that failed."""
    pool = Pool(2)
    assert snapshot(pool.ledger).health == "down: 0 of 2 open, 0 in use, 0 waiting"
    pool.ledger.fill_on_demand(Round(), 0.0)
    assert snapshot(pool.ledger).health == "healthy: 0 of 2 open, on demand, 0 in use, 0 waiting"
    waiter = pool.ask(0.0)
    assert snapshot(pool.ledger).health == "down: 0 of 2 open, on demand, 0 in use, 1 waiting"
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=OSError("away")), 0.0)
    pool.ledger.abandon(waiter, 0.1)
    assert snapshot(pool.ledger).health == "down: 0 of 2 open, on demand, 0 in use, 0 waiting; OSError: away"
    waiter = pool.ask(1.0)
    pool.create_all(1.0)
    assert snapshot(pool.ledger).health == "healthy: 1 of 2 open, on demand, 1 in use, 0 waiting"
    pool.ledger.fill(Round(), 2.0)
    assert snapshot(pool.ledger).health == "recovering: 1 of 2 open, 1 in use, 0 waiting"


def test_what_happened_is_counted() -> None:
    """Each checkout, session, failure and end is counted once, under its name."""
    pool = Pool(1, interval=10.0, max_waiters=1)
    pool.ledger.fill(Round(), 0.0)
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=OSError("away")), 0.0)
    assert snapshot(pool.ledger).last_failure == "OSError: away"
    pool.ledger.tick(1.0)
    pool.create_all(1.0)
    session = pool.lend(1.0)
    waiter = pool.ask(1.0)
    pool.ask(1.0)
    pool.ledger.check_in(session, 2.0)
    pool.ledger.check_in(waiter.session, 2.0)
    pool.ledger.ping(Round(), 12.0)
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 12.0)
    pool.ledger.ping(Round(), 22.0)
    pool.report(pool.job(CHECKING), Outcome(End.OVERRAN), 23.0)
    pool.ledger.abandon(pool.ask(23.0), 23.5)
    stats = snapshot(pool.ledger)
    assert (stats.immediate, stats.waited, stats.timed_out, stats.refused) == (1, 1, 1, 1)
    assert (stats.created, stats.create_failures, stats.pings, stats.overran, stats.leaked) == (1, 1, 1, 1, 0)
    assert stats.replaced == {"overran": 1}
    assert (stats.ping_interval, stats.oldest_alive, stats.idle_limit) == (10.0, 10.0, None)


def test_a_limit_that_is_known_is_shown() -> None:
    """The idle limit is a number as soon as three deaths have shown it."""
    pool = Pool(1, interval=10.0)
    assert snapshot(pool.ledger).idle_limit is None
    for number in range(3):
        pool.ledger.learner.limit.died_idle(30.0, 100.0 * number, 100.0 * number + 50.0)
    assert pool.ledger.learner.limit.drops_from < math.inf
    assert snapshot(pool.ledger).idle_limit == 30.0


def test_calls_that_hang_are_counted_until_they_come_back() -> None:
    """A job that was given up after it had begun hangs in the driver until its report comes, however that ends."""
    pool = Pool(2, interval=10.0)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    first, second = pool.jobs(CHECKING)
    pool.report(first, Outcome(End.OVERRAN), 15.0)
    assert snapshot(pool.ledger).hanging == 1
    assert str(snapshot(pool.ledger)).endswith("0 waiting; 1 worker hangs in the driver")
    pool.report(second, Outcome(End.OVERRAN), 15.0)
    pool.report(second, Outcome(End.OVERRAN), 15.0)
    assert str(snapshot(pool.ledger)).endswith("; 2 workers hang in the driver")
    pool.report(first, Outcome(End.GONE), 20.0)
    pool.report(second, Outcome(End.ALIVE), 20.0)
    pool.report(second, Outcome(End.ALIVE), 20.0)
    assert snapshot(pool.ledger).hanging == 0


def test_a_job_that_nobody_had_begun_does_not_hang() -> None:
    """It was given up in the queue, since all workers hang in other calls."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    pool.ledger.report(pool.job(CHECKING), Outcome(End.OVERRAN), 15.0)
    assert (snapshot(pool.ledger).overran, snapshot(pool.ledger).hanging) == (1, 0)


def test_what_is_ended_on_request_is_not_replaced() -> None:
    """Idle sessions that `clear` ends, and lent ones that come back to a closed pool, are not counted as replaced."""
    pool = Pool(2, interval=10.0)
    pool.ledger.fill(Round(), 0.0)
    pool.create_all(0.0)
    held = pool.lend(1.0)
    pool.ledger.clear(Round(), 1.0)
    pool.ledger.close(Round(), 1.0)
    pool.ledger.check_in(held, 2.0)
    assert snapshot(pool.ledger).closing == 2
    assert snapshot(pool.ledger).replaced == {}
