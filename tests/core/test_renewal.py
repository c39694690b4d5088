"""Sessions that are renewed though they are well: one after the other, the new one first."""

from itertools import count

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CLOSING, CREATING

from .by_hand import Pool
from .model import check
from .test_interrupts import is_cut_short


def ended_aside(pool: Pool, now: float) -> list[int]:
    """Have all closings end; return the names of their sessions."""
    jobs = pool.jobs(CLOSING)
    names = [job.session.name for job in jobs]
    for job in jobs:
        pool.report(job, Outcome(End.CLOSED), now)
    return names


def test_a_new_session_is_there_before_the_old_one_is_ended() -> None:
    """One after the other, oldest first; at most one slot is out of use, and none is left out."""
    pool = Pool(3)
    pool.fill()
    pool.ledger.renew(1.0)
    for name in (1, 2, 3):
        assert pool.job(CREATING).session.name == name
        assert len(pool.ledger.idle) == 2
        pool.report(pool.job(CREATING), Outcome(End.CREATED, pool.session()), 1.0)
        assert ended_aside(pool, 1.0) == [name]
    assert not pool.jobs(CREATING)
    assert sorted(slot.session.name for slot in pool.ledger.idle) == [4, 5, 6]
    assert pool.ledger.places.tally.replaced == {"renewed": 3}


def test_a_session_that_comes_back_to_a_waiter_is_renewed() -> None:
    """However busy the pool is: whoever waits has the new one."""
    pool = Pool(1)
    pool.fill()
    old = pool.lend(0.0)
    waiter = pool.ask(0.0)
    pool.ledger.renew(1.0)
    pool.ledger.check_in(old, 2.0)
    assert (waiter.session, pool.job(CREATING).session) == (None, old)
    pool.create_all(2.0)
    assert waiter.session.name == 2


def test_a_session_that_comes_back_while_another_is_renewed_is_as_good_as_ever() -> None:
    """It is lent again unproven by no check, and renewed in its turn."""
    pool = Pool(2)
    pool.fill()
    first = pool.lend(0.0)
    pool.ledger.renew(1.0)
    assert pool.job(CREATING).session.name == 2
    pool.ledger.check_in(first, 2.0)
    assert pool.lend(2.0) is first
    pool.ledger.check_in(first, 2.0)
    assert not pool.jobs(CHECKING)
    pool.create_all(2.0)
    ended_aside(pool, 2.0)
    assert pool.job(CREATING).session is first


def test_a_renewal_that_fails_keeps_the_old_session_and_then_makes_room() -> None:
    """The server may have no place for one more: next time the old one goes first, after the pause."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.renew(1.0)
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=ConnectionError("too many")), 1.0)
    assert sorted(slot.session.name for slot in pool.ledger.idle) == [1, 2]
    assert not pool.jobs(CREATING)
    later = pool.ledger.wake_at(1.0)
    pool.ledger.tick(later)
    assert pool.job(CLOSING).session.name == 2
    ended_aside(pool, later)
    pool.create_all(later)
    assert pool.job(CLOSING).session.name == 1


@pytest.mark.parametrize("end", [End.REFUSED, End.UNREACHABLE, End.OVERRAN])
def test_no_session_is_given_away_for_a_server_that_opens_none(end: End) -> None:
    """It is no question of room: the old ones serve on, until a new one can be opened."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.renew(1.0)
    pool.report(pool.job(CREATING), Outcome(end, error=ConnectionError("no")), 1.0)
    later = pool.ledger.wake_at(1.0)
    pool.ledger.tick(later)
    assert not pool.jobs(CLOSING)
    pool.report(pool.job(CREATING), Outcome(End.CREATED, pool.session()), later)
    assert ended_aside(pool, later) == [2]


def test_a_server_that_opens_none_costs_a_lazy_pool_one_session_at_most() -> None:
    """The gap is filled before another one is ended, though nobody waits and sessions are opened on demand."""
    pool = Pool(3)
    three = Round()
    three.enough = 3
    pool.ledger.fill_on_demand(three, 0.0)
    pool.create_all(0.0)
    pool.ledger.renew(1.0)
    now = 1.0
    for _ in range(5):
        pool.report(pool.job(CREATING), Outcome(End.FAILED, error=ConnectionError("too many")), now)
        now = pool.ledger.wake_at(now)
        pool.ledger.tick(now)
        ended_aside(pool, now)
        check(pool.ledger, now)
    assert len(pool.ledger.idle) == 2
    while pool.jobs(CREATING) or pool.ledger.serving.renewal.old:
        pool.create_all(now)
        ended_aside(pool, now)
        now = min(pool.ledger.wake_at(now), now + 1)
        pool.ledger.tick(now)
    assert sorted(slot.session.name for slot in pool.ledger.idle) == [4, 5, 6]


def test_a_session_that_is_to_be_renewed_is_open_for_those_who_ask() -> None:
    """They are told before it is ended to make room."""
    pool = Pool(2)
    one, asked = Round(), Round()
    one.enough = asked.enough = 1
    pool.ledger.fill_on_demand(one, 0.0)
    pool.create_all(0.0)
    pool.ledger.renew(1.0)
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=ConnectionError("too many")), 1.0)
    later = pool.ledger.wake_at(1.0)
    assert asked in pool.ledger.expect(asked, later)
    check(pool.ledger, later)


def test_what_is_cleared_leaves_no_gap() -> None:
    """A lazy pool that is bound anew opens nothing for a renewal of before."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.renew(1.0)
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=ConnectionError("too many")), 1.0)
    pool.ledger.tick(pool.ledger.wake_at(1.0))
    ended_aside(pool, 2.0)
    pool.ledger.clear(Round(), 3.0)
    pool.ledger.fill_on_demand(Round(), 4.0)
    assert not pool.jobs(CREATING)


def test_a_session_that_goes_out_during_a_renewal_is_renewed_when_it_comes_back() -> None:
    """Also if it goes out and comes back by the fast ways, and nothing else happens in the pool any more."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.renew(1.0)
    old = pool.lend(1.0)
    pool.create_all(1.0)
    ended_aside(pool, 1.0)
    assert not pool.jobs(CREATING)
    pool.ledger.check_in(old, 1.0)
    assert pool.job(CREATING).session is old


def test_a_session_that_is_handed_over_during_a_renewal_is_renewed_when_it_comes_back() -> None:
    """The same, for somebody who waited while a new one failed."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.renew(1.0)
    waiter = pool.ask(1.0)
    pool.report(pool.job(CREATING), Outcome(End.FAILED, error=ConnectionError("no")), 1.0)
    assert waiter.session is not None
    pool.ledger.check_in(waiter.session, 9.0)
    assert pool.job(CLOSING).session is waiter.session


@pytest.mark.parametrize("verdict", [Verdict.LEFT_OPEN, Verdict.UNPROVEN])
def test_a_session_that_has_to_be_made_fit_first_is_renewed_then(verdict: Verdict) -> None:
    """Somebody waits for it all the time, so it would never be idle."""
    pool = Pool(1)
    pool.fill()
    old = pool.lend(0.0)
    pool.ledger.renew(1.0)
    waiter = pool.ask(1.0)
    pool.ledger.take_back(old, verdict, 1.0)
    [job] = pool.ledger.jobs
    pool.report(job, Outcome(End.ALIVE), 1.0)
    assert pool.job(CREATING).session is old
    pool.create_all(1.0)
    assert waiter.session.name == 2


def test_a_session_that_was_being_opened_is_old_too() -> None:
    """It may have been opened with the old password; one that nobody has begun to open is new."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    begun, waiting = pool.jobs(CREATING)
    pool.ledger.start(begun)
    pool.ledger.renew(1.0)
    pool.report(begun, Outcome(End.CREATED, pool.session()), 1.0)
    pool.report(waiting, Outcome(End.CREATED, pool.session()), 1.0)
    assert pool.job(CREATING).session.name == 1
    pool.ledger.start(pool.job(CREATING))
    pool.ledger.renew(1.0)
    for name in (1, 2, 3):
        pool.report(pool.job(CREATING), Outcome(End.CREATED, pool.session()), 1.0)
        assert ended_aside(pool, 1.0) == [name]
    assert sorted(slot.session.name for slot in pool.ledger.idle) == [4, 5]


def test_who_waits_for_a_renewal_is_told_when_nothing_old_is_left() -> None:
    """Not before the last one has come back; at once if there is nothing to renew."""
    pool = Pool(2)
    pool.fill()
    lent = pool.lend(0.0)
    idle, round = Round(), Round()
    assert idle in pool.ledger.await_renewal(idle, 1.0)
    pool.ledger.renew(1.0)
    pool.ledger.await_renewal(round, 1.0)
    pool.create_all(1.0)
    ended_aside(pool, 1.0)
    assert not round.is_over
    pool.ledger.check_in(lent, 2.0)
    pool.create_all(2.0)
    assert round.is_over


def test_a_slot_without_a_session_has_nothing_to_renew() -> None:
    """Where sessions are opened on demand it may stay vacant."""
    pool = Pool(1)
    pool.ledger.fill_on_demand(Round(), 0.0)
    waiter = pool.ask(0.0)
    pool.create_all(0.0)
    pool.ledger.renew(1.0)
    pool.ledger.take_back(waiter.session, Verdict.LOST, 1.0)
    assert not pool.ledger.serving.renewal.old


def test_a_session_that_dies_in_the_meantime_is_not_renewed_twice() -> None:
    """The one that has taken its place is new already."""
    pool = Pool(1)
    pool.fill()
    old = pool.lend(0.0)
    pool.ledger.renew(1.0)
    pool.ledger.take_back(old, Verdict.LOST, 1.0)
    pool.create_all(1.0)
    ended_aside(pool, 1.0)
    assert not pool.jobs(CREATING)
    assert not pool.ledger.serving.renewal.old


def test_what_is_cleared_is_renewed_no_more() -> None:
    """The old session that waits aside is ended, as the idle ones are, and as the new one is when it comes."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.renew(1.0)
    creation = pool.job(CREATING)
    pool.ledger.start(creation)
    pool.ledger.clear(Round(), 1.0)
    assert sorted(ended_aside(pool, 1.0)) == [1, 2]
    pool.report(creation, Outcome(End.CREATED, pool.session()), 1.0)
    assert ended_aside(pool, 1.0) == [3]
    assert len(pool.ledger.vacant) == 2


def test_a_session_that_is_detached_is_nobodys_business() -> None:
    """Its slot is free for another; it is neither ended nor known, and cannot be put."""
    pool = Pool(1)
    pool.fill()
    mine = pool.lend(0.0)
    pool.ledger.detach(mine, 1.0)
    pool.create_all(1.0)
    assert not pool.jobs(CLOSING)
    assert pool.ledger.places.tally.replaced == {"detached": 1}
    assert pool.ledger.rejection(mine) is not None


@pytest.mark.parametrize("verdict", [Verdict.WELL, Verdict.LEFT_OPEN, Verdict.UNPROVEN])
def test_a_return_that_is_cut_short_lets_no_session_come_back_unrenewed(verdict: Verdict) -> None:
    """Wherever the interrupt strikes: neither the one on its way, nor one that was lent since the last look."""
    for line in count(1):
        pool = Pool(4)
        pool.fill()
        first = pool.lend(0.5)
        pool.ledger.renew(1.0)
        pool.lend(2.0)
        if not is_cut_short(lambda: pool.ledger.take_back(first, verdict, 3.0) and None, line):  # noqa: B023
            break
        pool.ledger.heal()
        pool.ledger.tick(3.0)
        check(pool.ledger, 3.0)
    assert line > 20
