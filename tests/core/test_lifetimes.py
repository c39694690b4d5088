"""Sessions with a limited lifetime: when they are renewed, and that nobody is lent one that is too old."""

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CLOSING, CREATING

from .by_hand import Pool
from .model import check


def test_a_session_that_is_too_old_is_ended_when_it_comes_back() -> None:
    """Its use ended well, and it is lent to nobody again."""
    pool = Pool(1, lifetime=5.0)
    pool.fill()
    session = pool.lend(4.9)
    pool.ledger.check_in(session, 5.0)
    assert (pool.job(CLOSING).session, pool.ledger.places.tally.replaced) == (session, {"too old": 1})


def test_a_session_that_is_not_too_old_yet_comes_back() -> None:
    """Until its very last moment it is a session like any other."""
    pool = Pool(1, lifetime=5.0)
    pool.fill()
    session = pool.lend(4.8)
    assert pool.ledger.check_in(session, 4.9) is None
    assert pool.lend(4.9) is session


def test_one_session_at_a_time_is_renewed_ahead_of_its_end() -> None:
    """A ping renews the next to grow too old, a twentieth of its lifetime ahead; no other before that one is back."""
    pool = Pool(2, lifetime=100.0, interval=1000.0)
    pool.fill()
    assert pool.ledger.keeping.next_due() == 95.0
    early, ping, again = Round(), Round(), Round()
    assert early in pool.ledger.ping(early, 94.9)
    pool.ledger.ping(ping, 95.0)
    assert pool.job(CLOSING).session.name == 1
    pool.ledger.ping(again, 95.0)
    assert (len(pool.jobs(CLOSING)), len(pool.ledger.idle)) == (1, 1)
    pool.report(pool.job(CLOSING), Outcome(End.CLOSED), 95.1)
    assert not ping.is_over, "the slot is filled within the same round"
    pool.create_all(95.2)
    assert (ping.is_over, ping.proved) == (True, 0)
    pool.ledger.ping(Round(), 95.2)
    assert pool.job(CLOSING).session.name == 2


def test_nothing_is_renewed_while_a_slot_is_vacant() -> None:
    """A pool that has lost a session does not give away another one."""
    pool = Pool(2, lifetime=100.0, interval=1000.0)
    pool.fill()
    pool.ledger.clear(Round(), 0.0)
    for job in pool.jobs(CLOSING):
        pool.report(job, Outcome(End.CLOSED), 0.0)
    pool.ledger.adopt(pool.session(), None, 0.0)
    assert pool.ledger.keeping.next_due() == 1000.0
    pool.ledger.ping(Round(), 96.0)
    assert pool.jobs(CLOSING) == []


def test_lifetimes_do_not_end_all_at_once() -> None:
    """Chance shortens each by up to a twentieth, so that sessions made together are not renewed together."""
    pool = Pool(1, lifetime=100.0, interval=1000.0, jitter=lambda: 1.0)
    pool.fill()
    assert pool.ledger.idle[0].retires_at == 95.0


@pytest.mark.parametrize("returned_first", [True, False])
def test_whoever_waits_gets_none_that_is_too_old(returned_first: bool) -> None:
    """The one that is too old is ended, in front of the queue or behind, and the other one is handed over."""
    pool = Pool(2, lifetime=5.0, interval=4.0)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    pool.report(first, Outcome(End.CREATED, pool.session()), 0.0)
    pool.report(second, Outcome(End.CREATED, pool.session()), 3.0)
    old, young = pool.lend(3.0), pool.lend(3.0)
    for session, when in ((old, 4.0), (young, 4.1)) if returned_first else ((young, 4.0), (old, 4.1)):
        pool.ledger.check_in(session, when)
    waiter = pool.ask(5.0)
    assert (waiter.session, pool.job(CLOSING).session) == (young, old)
    check(pool.ledger, 5.0)


def test_a_late_leaver_puts_its_session_where_its_proof_belongs() -> None:
    """The session was proven before others came back, so it stands before them."""
    pool = Pool(3)
    pool.fill()
    first, second, third = (pool.lend(0.0) for _ in range(3))
    late = pool.ask(0.0)
    pool.ledger.check_in(first, 1.0)
    pool.ledger.check_in(second, 2.0)
    pool.ledger.check_in(third, 3.0)
    pool.ledger.abandon(late, 4.0)
    assert [slot.session for slot in pool.ledger.idle] == [first, second, third]


def test_what_can_be_taken_back_is_not_rejected() -> None:
    """For a session that is lent there is no reason to refuse it, and for none other."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    assert pool.ledger.rejection(session) is None
    pool.ledger.take_back(session, Verdict.UNPROVEN, 1.0)
    assert pool.ledger.rejection(session) is not None
    assert pool.job(CHECKING).session is session
    assert "by this pool" in str(pool.ledger.rejection(None))  # type: ignore[arg-type]
