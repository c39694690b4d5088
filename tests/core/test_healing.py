"""After an interrupt, and after a fork: a ledger mends itself, or goes on in place of another."""

import gc
from itertools import count

import pytest

from pingpool.core.limit import FIRST
from pingpool.core.orders import Dropped, End, Job, Outcome, Round, Verdict, Waiter
from pingpool.core.slot import CHECKING, CLOSING, CREATING, VACANT
from pingpool.errors import PoolClosed

from .by_hand import Pool
from .model import Session, check, places
from .test_interrupts import is_cut_short


def motley() -> tuple[Pool, Session]:
    """Return a pool with a slot in every state, and the session that is lent."""
    pool = Pool(8)
    pool.ledger.fill(Round(), 0.0)
    for job in pool.jobs(CREATING)[2:]:
        pool.report(job, Outcome(End.CREATED, pool.session()), 0.0)
    pool.report(pool.jobs(CREATING)[0], Outcome(End.FAILED, error=OSError("away")), 0.0)
    pool.ledger.serving.filling = True
    for verdict in (Verdict.UNPROVEN, Verdict.LEFT_OPEN, Verdict.TAINTED):
        pool.ledger.take_back(pool.lend(1.0), verdict, 1.0)
    return pool, pool.lend(1.0)


def test_every_index_is_rebuilt_from_the_states_of_the_slots() -> None:
    """Whatever the indexes say, after `heal` they say what the slots are."""
    pool, lent = motley()
    ledger = pool.ledger
    before = set(places(ledger))
    stray = ledger.idle[0]
    ledger.vacant.extend([*ledger.vacant, stray])
    ledger.idle.rotate()
    ledger.lent[-1] = stray
    extra = Job(CHECKING, stray, stray.session)
    ledger.jobs.add(extra)
    stray_round = Round()
    ledger.places.jobs.rounds.append(stray_round)
    stray_round.jobs = {extra, *pool.jobs(CLOSING)}
    ledger.heal()
    assert set(places(ledger)) == before
    assert (list(ledger.lent), extra in ledger.jobs) == ([id(lent)], False)
    assert stray_round.jobs == set(pool.jobs(CLOSING))
    check(ledger, 1.0, settled=False)


def test_who_holds_a_session_is_forgotten_if_it_was_not_noted_yet() -> None:
    """The interrupt came between the lending and the note of who has it, or on the way back: the session is let go."""
    pool = Pool(2)
    pool.fill()
    noted, struck = pool.lend(1.0), pool.lend(3.0)
    first, second = pool.ledger.lent.values()
    for held in (struck, None):
        second.session = held
        assert pool.ledger.places.uses() == [first.use]
        pool.ledger.heal()
        assert (first.use.since, second.use.since) == (1.0, 0.0)
        check(pool.ledger, 3.0)
    for session in (noted, struck):
        assert pool.ledger.check_in(session, 4.0) is None


def test_what_nobody_began_is_ordered_again() -> None:
    """The orders of the interrupted turn may have got lost: jobs that nobody began come again, and so do the others."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    pool.ledger.start(first)
    told = Dropped(None, 0)
    pool.ledger.places.orders += [second, told]
    assert pool.ledger.heal() == [told, second]
    assert pool.ledger.heal() == [second]


def test_a_waiter_with_an_answer_stands_in_line_no_more() -> None:
    """The interrupt interrupted between the answer and the leaving."""
    pool = Pool(1)
    served, waiting = pool.ask(0.0), pool.ask(0.0)
    served.error = PoolClosed("closed")
    pool.ledger.heal()
    assert list(pool.ledger.waiters) == [waiting]


def test_of_two_checks_of_one_session_the_one_to_come_is_kept() -> None:
    """The interrupt interrupted between the second check and the end of the first."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    first = pool.job(CHECKING)
    pool.ledger.start(first)
    second = pool.ledger.places.jobs.begin(CHECKING, first.slot, first.session)
    assert pool.ledger.heal() == [second]
    assert pool.ledger.jobs == {second}
    check(pool.ledger, 10.0)


def test_a_heal_that_is_interrupted_can_be_repeated() -> None:
    """Wherever it is cut short, the next one comes to the same end."""
    for line in count(1):
        pool, _ = motley()
        before = set(places(pool.ledger))
        if not is_cut_short(lambda: pool.ledger.heal() and None, line):  # noqa: B023  (called at once)
            break
        told = pool.ledger.heal()
        assert set(places(pool.ledger)) == before
        assert {job for job in pool.ledger.jobs if not job.started} == set(told)
        check(pool.ledger, 1.0, settled=False)
    assert line > 20


def test_a_child_goes_on_in_place_of_its_parent() -> None:
    """Slots are vacant, to be filled on demand; what was learned of the path, and that a keeper is there, stays."""
    elder, child = Pool(2, interval="auto"), Pool(2, interval="auto")
    elder.fill()
    elder.ledger.keep()
    elder.ledger.learner.limit.died_idle(40.0, 0.0, 50.0)
    child.ledger.inherit(elder.ledger, is_bound=True)
    assert child.ledger.interval == 10.0 < FIRST
    assert (child.ledger.kept, child.ledger.filling, child.ledger.closed) == (True, True, False)
    assert len(child.ledger.vacant) == 2
    child.ledger.tick(0.0)
    assert child.jobs(CREATING) == []
    child.ask(0.0)
    assert len(child.jobs(CREATING)) == 1


def test_a_child_of_a_pool_that_was_not_bound_yet_fills_nothing() -> None:
    """The parent was still at it when it forked, and the child has nobody to do jobs."""
    elder, child = Pool(1), Pool(1)
    elder.ledger.fill(Round(), 0.0)
    child.ledger.inherit(elder.ledger, is_bound=False)
    child.ledger.tick(0.0)
    assert (child.ledger.filling, child.ledger.kept, child.ledger.jobs) == (False, False, set())


def test_a_child_of_a_closed_pool_is_closed() -> None:
    """It lends nothing, takes nobody in line, and what is brought to it is ended."""
    elder, child = Pool(1), Pool(1)
    elder.ledger.close(Round(), 0.0)
    child.ledger.inherit(elder.ledger, is_bound=True)
    assert isinstance(child.ask(1.0).error, PoolClosed)
    newcomer = child.session()
    child.ledger.adopt(newcomer, None, 1.0)
    assert (child.job(CLOSING).session, child.ledger.idle) == (newcomer, child.ledger.idle.__class__())


def test_who_leaves_after_an_error_changes_nothing() -> None:
    """Its wait was over; there is nothing to leave, and no session to pass on."""
    pool = Pool(1)
    waiter = Waiter(None, 0)
    pool.ledger.close(Round(), 0.0)
    pool.ledger.ask(waiter, 0.0)
    assert pool.ledger.abandon(waiter, 1.0) == []
    assert pool.ledger.places.tally.timed_out == 0


def test_who_leaves_a_closed_pool_too_late_has_its_session_ended() -> None:
    """It was served before the pool was closed, and never looked."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    waiter = pool.ask(0.0)
    pool.ledger.check_in(session, 1.0)
    pool.ledger.close(Round(), 2.0)
    pool.ledger.abandon(waiter, 3.0)
    assert pool.job(CLOSING).session is session
    check(pool.ledger, 3.0)


def test_a_collected_session_that_is_not_lent_is_nobodys_business() -> None:
    """An interrupt may leave the reference of a session that no slot knows."""
    pool = Pool(1)
    pool.fill()
    slot = pool.ledger.idle[0]
    pool.ledger.collected.append(pool.ledger.places.lent.ref_to(Session(7), slot))
    assert pool.ledger.tick(1.0) == []
    assert (len(pool.ledger.idle), len(pool.ledger.collected)) == (1, 0)


def test_a_dropped_session_is_told_with_the_line_of_its_checkout() -> None:
    """The warning names the function, the file and the line; without a place it says somewhere."""

    def checkout() -> None:
        pass

    code = checkout.__code__
    assert Dropped(code, 0).place == f"in {code.co_qualname} ({code.co_filename}:{code.co_firstlineno})"
    assert Dropped(None, 0).place == "somewhere"


def test_only_the_dropped_session_frees_its_slot() -> None:
    """Of two that are lent, the one that is still held stays lent."""
    pool = Pool(2)
    pool.fill()
    held, dropped = pool.lend(1.0), pool.lend(1.0)
    del dropped
    gc.collect()
    pool.ledger.tick(2.0)
    assert list(pool.ledger.lent) == [id(held)]
    assert pool.ledger.places.tally.leaked == 1
    assert [slot.state for slot in pool.ledger.places.slots].count(VACANT) == 0, "it is being filled anew"


@pytest.mark.parametrize(("size", "later"), [(10, 0.0), (180, 0.0), (181, 0.05), (1000, 0.05)])
def test_the_keeper_of_a_large_pool_has_a_few_pinged_together(size: int, later: float) -> None:
    """Where more than twenty pings a second are due it looks twenty times a second, and none is late for that."""
    pool = Pool(size)
    pool.ledger.keep()
    pool.fill()
    assert pool.ledger.next_look_at(0.0) == pytest.approx(min(pool.ledger.keeping.next_due() + later, 1.0))
    now, times = 0.0, list[float]()
    while now < 30.0:
        now = pool.ledger.next_look_at(now)
        assert all(now - slot.proven_at < 10.0 for slot in pool.ledger.idle)
        pool.ledger.ping(Round(), now)
        times += [now] * len(pool.jobs(CHECKING))
        for job in pool.jobs(CHECKING):
            pool.report(job, Outcome(End.ALIVE), now)
    most = max(times.count(each) for each in set(times))
    assert most <= max(2, 0.1 * size / 9 + 1)
    assert len(times) == pytest.approx(30 / 9 * size, rel=0.2, abs=size / 2)


@pytest.mark.parametrize(("kept", "look_at"), [(True, 9.0), (False, 10.0)])
def test_the_keeper_looks_in_time(kept: bool, look_at: float) -> None:
    """It looks when something is due, ahead of time if it keeps the pool; and at least ten times an interval."""
    pool = Pool(1)
    if kept:
        pool.ledger.keep()
    pool.fill()
    assert (pool.ledger.keeping.next_due(), pool.ledger.next_look_at(8.5)) == (look_at, min(look_at, 9.5))
    assert pool.ledger.next_look_at(0.0) == 1.0


def test_the_keeper_looks_at_once_after_a_death() -> None:
    """The others are suspect: a ping has something to do in the next moment, after a doubt when its pause is over."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LOST, 2.0)
    assert 2.0 < pool.ledger.keeping.next_due() < 2.001
    pool.ledger.ping(Round(), 3.0)
    pool.report(pool.job(CHECKING), Outcome(End.IN_DOUBT, error=OSError("busy")), 3.0)
    assert pool.ledger.keeping.next_due() == 3.25


def test_only_the_suspects_are_pinged_after_a_death() -> None:
    """A session that was created since is as good as ever."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LOST, 2.0)
    pool.create_all(3.0)
    pool.ledger.ping(Round(), 3.0)
    assert pool.job(CHECKING).session.name == 2
    assert [slot.session.name for slot in pool.ledger.idle] == [3]
