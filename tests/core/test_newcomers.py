"""Sessions that were created elsewhere, and checks that see a session without prolonging its life."""

import pytest

from pingpool.core.ledger import Ledger
from pingpool.core.orders import End, Job, Order, Outcome, Refused, Round, Verdict, Waiter
from pingpool.core.slot import CHECKING, CLOSING, CREATING
from pingpool.core.stats import snapshot
from pingpool.errors import NotLent

from .model import CheckedSlot, Session, check


def filled(size: int, interval: float = 10.0) -> Ledger[Session]:
    """Return a ledger with a session in every slot, created at 0."""
    ledger = Ledger[Session](size, interval=interval, jitter=lambda: 0.0, slots=CheckedSlot)
    ledger.fill(Round(), 0.0)
    for name, job in enumerate([job for job in ledger.jobs if job.kind is CREATING]):
        ledger.start(job)
        ledger.report(job, Outcome(End.CREATED, Session(name)), 0.0)
    return ledger


def only_check(ledger: Ledger[Session]) -> Job:
    """Return the only check under way."""
    [job] = [job for job in ledger.jobs if job.kind is CHECKING]
    return job


def test_a_newcomer_takes_the_slot_of_the_dead_one_it_stands_for() -> None:
    """The dead one's slot is the newcomer's at once, and the others come under suspicion."""
    ledger = filled(2)
    dead = ledger.check_out(1.0, None, 0)
    newcomer = Session(7)
    ledger.adopt(newcomer, dead, 2.0)
    assert newcomer in [slot.session for slot in ledger.idle]
    assert (len(ledger.idle), ledger.check_out(2.0, None, 0)) == (2, None)
    check(ledger, 2.0)


def test_a_newcomer_goes_to_the_waiter_in_front() -> None:
    """Who waits gets the session that was created elsewhere, as it would get any other."""
    ledger = Ledger[Session](1, interval=10.0, jitter=lambda: 0.0, slots=CheckedSlot)
    waiter = Waiter(None, 0)
    ledger.ask(waiter, 0.0)
    newcomer = Session(7)
    ledger.adopt(newcomer, None, 1.0)
    assert waiter.session is newcomer
    check(ledger, 1.0)


def test_a_newcomer_without_a_slot_is_refused() -> None:
    """A full pool takes in nobody, and neither does it take in the same one twice."""
    ledger = filled(1)
    for guest in (Session(7), ledger.idle[0].session):
        [order] = ledger.adopt(guest, None, 1.0)
        assert isinstance(order, Refused)
    check(ledger, 1.0)


def test_a_newcomer_may_take_the_place_of_an_idle_session() -> None:
    """The newest goes for it, which was never lent; the pool is as large as before."""
    ledger = filled(2)
    oldest, newest = (slot.session for slot in ledger.idle)
    newcomer = Session(7)
    orders = ledger.swap(newcomer, 1.0)
    assert [job.session for job in orders if isinstance(job, Job)] == [newest]
    assert [slot.session for slot in ledger.idle] == [oldest, newcomer]
    [order] = ledger.swap(newcomer, 2.0)
    assert isinstance(order, Refused)
    check(ledger, 2.0)


def test_a_newcomer_may_take_the_place_of_one_that_is_being_created() -> None:
    """What is created all the same is ended; where all are lent it is the newcomer that is one too many."""
    ledger = Ledger[Session](1, interval=10.0, jitter=lambda: 0.0, slots=CheckedSlot)
    [job] = ledger.fill(Round(), 0.0)
    assert isinstance(job, Job)
    ledger.start(job)
    newcomer, late, surplus = Session(7), Session(8), Session(9)
    ledger.swap(newcomer, 1.0)
    [ending] = ledger.report(job, Outcome(End.CREATED, late), 2.0)
    assert isinstance(ending, Job)
    assert ending.session is late
    assert ledger.check_out(2.0, None, 0) is newcomer
    [ending] = ledger.swap(surplus, 3.0)
    assert isinstance(ending, Job)
    assert (ending.kind, ending.session) == (CLOSING, surplus)
    check(ledger, 3.0)


def test_a_session_seen_alive_is_enough_for_its_waiter() -> None:
    """A quick check hands the session over, though it does not prolong its life."""
    ledger = filled(1)
    waiter = Waiter(None, 0)
    ledger.ask(waiter, 20.0)
    job = only_check(ledger)
    assert job.urgent
    ledger.start(job)
    ledger.report(job, Outcome(End.SEEN_ALIVE), 20.1)
    assert waiter.session is not None
    check(ledger, 20.1)


def seen_in_vain(ledger: Ledger[Session]) -> list[Order]:
    """Have an overdue session checked for a caller who leaves at 20.1, and seen alive at 20.2; return what follows."""
    waiter = Waiter(None, 0)
    ledger.ask(waiter, 20.0)
    quick = only_check(ledger)
    ledger.start(quick)
    ledger.abandon(waiter, 20.1)
    orders = ledger.report(quick, Outcome(End.SEEN_ALIVE), 20.2)
    check(ledger, 20.2)
    return orders


def test_a_session_seen_alive_in_vain_serves_who_comes_next() -> None:
    """There is no second proof in between; the use is one, as any use that ends well."""
    ledger = filled(1)
    assert seen_in_vain(ledger) == []
    waiter = Waiter(None, 0)
    assert ledger.ask(waiter, 20.9) == [waiter]
    assert waiter.session is not None
    assert not ledger.jobs
    ledger.check_in(waiter.session, 25.0)
    assert ledger.check_out(34.9, None, 0) is waiter.session
    check(ledger, 34.9)


def test_a_session_seen_alive_in_vain_is_pinged() -> None:
    """If nobody comes for a moment, a quick check is no proof for later: a ping follows, which is one."""
    ledger = filled(1)
    assert seen_in_vain(ledger) == []
    assert ledger.wake_at(20.2) == pytest.approx(21.2)
    [proper] = ledger.tick(ledger.wake_at(20.2))
    assert isinstance(proper, Job)
    assert (proper.kind, proper.urgent) == (CHECKING, False)
    check(ledger, 21.2)
    ledger.start(proper)
    ledger.report(proper, Outcome(End.ALIVE), 21.3)
    assert ledger.check_out(21.4, None, 0) is not None
    check(ledger, 21.4)


@pytest.mark.parametrize(("interval", "moment"), [(0.0, 0.0), (0.5, 0.5), (3.0, 1.0)])
def test_a_session_is_at_hand_for_no_longer_than_a_proof_counts(interval: float, moment: float) -> None:
    """With an interval of 0 whoever comes next has a check of his own; a short interval makes a short moment."""
    ledger = filled(1, interval)
    orders = seen_in_vain(ledger) or ledger.tick(20.2 + moment)
    assert [order.kind for order in orders if isinstance(order, Job)] == [CHECKING]
    waiter = Waiter(None, 0)
    ledger.ask(waiter, 20.2 + moment)
    assert waiter.session is None


def test_a_session_seen_alive_is_not_lent_after_a_death() -> None:
    """What was seen before another died is pinged at once, and so is what a look saw that had begun before."""
    ledger = filled(2)
    dying = ledger.check_out(1.0, None, 0)
    assert dying is not None
    seen_in_vain(ledger)
    orders = ledger.take_back(dying, Verdict.LOST, 20.5)
    [ping] = [order for order in orders if isinstance(order, Job) and order.kind is CHECKING]
    assert ping is only_check(ledger)
    check(ledger, 20.5)


def test_a_session_at_hand_is_counted_as_idle() -> None:
    """Nobody was told to check it: it is there for whoever comes."""
    ledger = filled(1)
    assert seen_in_vain(ledger) == []
    assert (snapshot(ledger).idle, snapshot(ledger).checking) == (1, 0)
    ledger.tick(21.2)
    assert (snapshot(ledger).idle, snapshot(ledger).checking) == (0, 1)


@pytest.mark.parametrize("end", ["clear", "close"])
def test_a_session_at_hand_is_ended_with_its_pool(end: str) -> None:
    """It is not forgotten: its ping is ordered at once, and after that it is ended."""
    ledger = filled(1)
    assert seen_in_vain(ledger) == []
    [ping] = [order for order in getattr(ledger, end)(Round(), 20.5) if isinstance(order, Job)]
    ledger.start(ping)
    [ending] = ledger.report(ping, Outcome(End.ALIVE), 20.6)
    assert isinstance(ending, Job)
    assert ending.kind is CLOSING
    check(ledger, 20.6)


def test_a_check_that_began_before_a_death_proves_nothing() -> None:
    """A session whose ping went out before another died, and came back after, is not lent before a new proof."""
    ledger = filled(2)
    dying = ledger.check_out(1.0, None, 0)
    assert dying is not None
    ledger.ping(Round(), 11.0)
    job = only_check(ledger)
    ledger.start(job)
    ledger.take_back(dying, Verdict.LOST, 12.0)
    ledger.report(job, Outcome(End.ALIVE), 12.1)
    assert ledger.check_out(12.2, None, 0) is None
    check(ledger, 12.2)


def test_an_end_that_nobody_began_still_comes() -> None:
    """If the all workers hang, a session that is to be ended frees its slot, and is ended when they are back."""
    ledger = filled(1)
    session = ledger.check_out(1.0, None, 0)
    assert session is not None
    ledger.take_back(session, Verdict.TAINTED, 2.0)
    [job] = list(ledger.jobs)
    ledger.report(job, Outcome(End.OVERRAN), 12.0)
    assert [other.session for other in ledger.jobs if other.session is not None] == [session]
    check(ledger, 12.0)


def test_a_session_that_takes_no_weak_reference_is_pooled_all_the_same() -> None:
    """It is lent, known and taken back like any other; only that its holder dropped it is never noticed."""
    ledger = Ledger[list[int]](1, interval=10.0, jitter=lambda: 0.0, slots=CheckedSlot)
    session, other = [1], [1]
    ledger.adopt(session, None, 0.0)
    assert ledger.check_out(1.0, None, 0) is session
    assert (ledger.knows(session), ledger.knows(other)) == (True, False)
    assert ledger.check_in(session, 2.0) is None
    assert isinstance(ledger.rejection(other), NotLent)


def test_a_newcomer_to_a_closed_pool_is_ended() -> None:
    """A closed pool takes it in only to end it, and the dead one that it stands for is given up as ever."""
    ledger = filled(1)
    dead = ledger.check_out(1.0, None, 0)
    ledger.close(Round(), 2.0)
    newcomer = Session(7)
    ledger.adopt(newcomer, dead, 3.0)
    assert {job.session for job in ledger.jobs if job.kind is CLOSING} == {dead, newcomer}
    assert (len(ledger.vacant), len(ledger.lent)) == (1, 0)
    check(ledger, 3.0)


def test_an_end_aside_that_nobody_began_still_comes() -> None:
    """If all workers hang, what is left of a dead session is ended when they are back."""
    ledger = filled(1)
    session = ledger.check_out(1.0, None, 0)
    assert session is not None
    ledger.take_back(session, Verdict.LOST, 2.0)
    [job] = [job for job in ledger.jobs if job.kind is CLOSING]
    ledger.report(job, Outcome(End.OVERRAN), 12.0)
    [again] = [job for job in ledger.jobs if job.kind is CLOSING]
    assert (again is not job, again.session) == (True, session)
    check(ledger, 12.0)


def test_a_lent_session_is_no_newcomer() -> None:
    """Who brings what he was lent, as if it were new, is refused, and changes nothing."""
    ledger = filled(2)
    session = ledger.check_out(1.0, None, 0)
    assert session is not None
    [order] = ledger.adopt(session, None, 1.0)
    assert isinstance(order, Refused)
    check(ledger, 1.0)
