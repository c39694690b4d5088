"""The rules of the ledger, each shown in one small example; the proofs show that nothing else ever happens."""

import math

from pingpool.core.backoff import BRIEF, FIRST_PAUSE, KNOCK
from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CLOSING, CREATING

from .by_hand import Pool
from .model import CheckedSlot

AWAY = ConnectionError("the database is away")


def test_rule_1_the_session_proven_longest_ago_is_lent_and_pinged_first() -> None:
    """Idle is ordered by proof of life: at first by creation, then by return."""
    pool = Pool(3)
    pool.fill()
    first, second = pool.lend(1.0), pool.lend(1.0)
    assert (first.name, second.name) == (1, 2)
    pool.ledger.check_in(second, 2.0)
    pool.ledger.check_in(first, 3.0)
    assert [slot.session.name for slot in pool.ledger.idle] == [3, 2, 1]
    assert pool.lend(4.0).name == 3


def test_rule_2_only_a_fresh_session_is_lent() -> None:
    """A session is lent until its whole interval has passed, and not a moment later without a check."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.check_in(pool.lend(9.5), 9.5)
    assert pool.ledger.check_out(19.5, None, 0) is None
    waiter = pool.ask(19.5)
    [job] = pool.jobs(CHECKING)
    pool.report(job, Outcome(End.ALIVE), 20.0)
    assert waiter.session is not None


def test_rule_2_an_interval_of_nothing_still_lends() -> None:
    """With an interval of 0 every session is checked for every caller, and lent the moment it is proven."""
    pool = Pool(1, interval=0.0)
    pool.fill()
    assert pool.ledger.check_out(0.0, None, 0) is None
    waiter = pool.ask(0.0)
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 0.0)
    assert waiter.session is not None


def test_rule_2_a_session_past_its_lifetime_is_replaced() -> None:
    """A session that has outlived max_lifetime is ended instead of lent, and a new one is made."""
    pool = Pool(1, lifetime=5.0)
    pool.fill()
    assert pool.ledger.check_out(5.0, None, 0) is None
    waiter = pool.ask(5.0)
    pool.report(pool.job(CLOSING), Outcome(End.CLOSED), 5.0)
    pool.create_all(5.0)
    assert waiter.session.name == 2


def test_rule_3_waiters_are_served_in_the_order_in_which_they_came() -> None:
    """A returned session goes to the waiter in front, in the same step, and a newcomer never overtakes."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    first, second = pool.ask(0.0), pool.ask(0.0)
    assert pool.ledger.check_in(session, 1.0) == [first]
    assert first.session is session
    assert pool.ledger.check_out(1.0, None, 0) is None
    assert not second.is_over


def test_rule_3_a_session_that_came_too_late_goes_to_the_next_in_line() -> None:
    """Who gives up after being served passes the session on."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(0.0)
    late, next_one = pool.ask(0.0), pool.ask(0.0)
    pool.ledger.check_in(session, 1.0)
    assert pool.ledger.abandon(late, 2.0) == [next_one]
    assert (late.session, next_one.session) == (None, session)


def test_rule_3_a_fresh_session_behind_an_overdue_one_is_lent() -> None:
    """The overdue one in front is checked meanwhile."""
    pool = Pool(2)
    pool.fill()
    overdue_soon = pool.ledger.idle[0].session
    taken = pool.lend(0.0)
    assert taken is overdue_soon
    other = pool.lend(0.0)
    pool.ledger.check_in(taken, 0.0)
    pool.ledger.check_in(other, 5.0)
    waiter = pool.ask(12.0)
    assert waiter.session is other
    assert [job.session for job in pool.jobs(CHECKING)] == [taken]


def test_rule_4_a_late_report_changes_nothing() -> None:
    """A creation that overran its time loses its slot to another; what it still brings is ended."""
    pool = Pool(1)
    pool.ledger.fill(Round(), 0.0)
    [slow] = pool.jobs(CREATING)
    pool.ledger.start(slow)
    pool.report(slow, Outcome(End.OVERRAN), 5.0)
    pool.ledger.tick(6.0)
    pool.create_all(6.0)
    late = pool.session()
    pool.report(slow, Outcome(End.CREATED, late), 7.0)
    [job] = pool.jobs(CLOSING)
    assert (job.session, job.slot) == (late, None)
    assert len(pool.ledger.idle) == 1


def refused(pool: Pool, until: float) -> float:
    """Fill the pool while the server is away, until so many seconds have passed; return when it tries again."""
    pool.ledger.fill(Round(), 0.0)
    now = 0.0
    while True:
        job = pool.jobs(CREATING)[0]
        pool.ledger.start(job)
        pool.report(job, Outcome(End.FAILED, error=AWAY), now)
        assert pool.jobs(CREATING) == []
        wake_at = pool.ledger.wake_at(now)
        if now >= until:
            return wake_at
        now = wake_at
        pool.ledger.tick(now)
        assert len(pool.jobs(CREATING)) == 1, "one prober goes first"


def test_rule_5_a_failed_creation_is_repeated_after_a_pause() -> None:
    """Nobody has to ask: when the pause is over one prober goes first, and the rest upon its success."""
    pool = Pool(3)
    wake_at = refused(pool, until=0.0)
    assert wake_at == FIRST_PAUSE
    pool.ledger.tick(wake_at)
    assert len(pool.jobs(CREATING)) == 1
    pool.create_all(wake_at)
    assert len(pool.ledger.idle) == 3


def test_rule_5_after_an_outage_sessions_come_back_one_by_one() -> None:
    """Nobody waits, and others may have been cut off too: each success is followed by a pause."""
    pool = Pool(3)
    wake_at = refused(pool, until=BRIEF)
    for count in (1, 2, 3):
        pool.ledger.tick(wake_at)
        assert len(pool.jobs(CREATING)) == 1
        pool.create_all(wake_at)
        assert len(pool.ledger.idle) == count
        wake_at = pool.ledger.wake_at(wake_at)
    assert wake_at == math.inf


def test_rule_5_who_waits_does_not_wait_for_the_pauses_of_a_recovery() -> None:
    """After the prober's success, whoever waits has two more begun at once, and the rest soon follow."""
    pool = Pool(4)
    pool.ledger.fill(Round(), 0.0)
    job = pool.jobs(CREATING)[0]
    pool.ledger.start(job)
    pool.report(job, Outcome(End.FAILED, error=AWAY), 0.0)
    waiters = [pool.ask(0.0) for _ in range(2)]
    pool.ledger.tick(0.25)
    [prober] = pool.jobs(CREATING)
    pool.ledger.start(prober)
    pool.report(prober, Outcome(End.CREATED, pool.session()), 0.25)
    assert len(pool.jobs(CREATING)) == 2
    pool.create_all(0.25)
    assert all(waiter.is_over for waiter in waiters)
    assert not pool.ledger.vacant, "the pool is in use"


def test_rule_5_where_no_server_is_who_waits_soon_asks_again() -> None:
    """A refused connection troubles nobody: for a waiter the pause is shorter, for an idle pool it is not."""
    pool = Pool(1)
    pool.ledger.fill(Round(), 0.0)
    job = pool.job(CREATING)
    pool.ledger.start(job)
    pool.report(job, Outcome(End.UNREACHABLE, error=AWAY), 0.0)
    assert pool.ledger.wake_at(0.0) == FIRST_PAUSE
    waiter = pool.ask(0.0)
    assert pool.ledger.wake_at(0.0) == KNOCK
    pool.ledger.tick(KNOCK)
    pool.create_all(KNOCK)
    assert waiter.session is not None


def test_rule_5_who_waits_hears_of_a_failure_that_will_not_heal() -> None:
    """When the database refuses and there is no session to hope for, waiters are told at once."""
    pool = Pool(1)
    pool.ledger.fill(Round(), 0.0)
    waiter = pool.ask(0.0)
    [job] = pool.jobs(CREATING)
    pool.ledger.start(job)
    assert waiter in pool.report(job, Outcome(End.REFUSED, error=AWAY), 0.0)
    assert waiter.error is AWAY
    assert pool.ask(0.1).error is AWAY


def test_rule_6_one_death_makes_every_idle_session_suspect() -> None:
    """After a death in use none is lent before a new proof, and none is ended unseen."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LOST, 2.0)
    assert pool.ledger.check_out(2.0, None, 0) is None
    waiter = pool.ask(2.0)
    [job] = pool.jobs(CHECKING)
    proven = job.session
    pool.report(job, Outcome(End.ALIVE), 2.5)
    assert waiter.session is proven


def test_rule_6_a_session_lent_before_the_death_comes_back_suspect() -> None:
    """However well its use ended, it is checked before it is lent again."""
    pool = Pool(2)
    pool.fill()
    dead, other = pool.lend(1.0), pool.lend(1.0)
    pool.ledger.take_back(dead, Verdict.LOST, 2.0)
    pool.ledger.check_in(other, 3.0)
    assert other in [slot.session for slot in pool.ledger.idle]
    assert pool.ledger.check_out(3.0, None, 0) is None


def test_a_session_found_dead_before_its_use_casts_no_suspicion() -> None:
    """A session found dead before its use is replaced, and the others are lent as before."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.GONE, 1.0)
    assert pool.lend(1.0).name == 2


class CountedSlot(CheckedSlot):
    """A slot that counts how often anybody asks whether its session was ever proven."""

    __slots__ = ()
    questions = 0

    @property
    def is_new(self) -> bool:
        """Was the session never proven since it was created?"""
        CountedSlot.questions += 1
        return super().is_new


def test_rule_8_who_was_proven_is_found_without_a_look_at_every_slot() -> None:
    """While new sessions are distrusted, a turn costs the same in a large pool, and a use that ended well ends that."""
    pool = Pool(200, slots=CountedSlot)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.GONE, 1.0)
    pool.create_all(2.0)
    before = CountedSlot.questions
    pool.ledger.tick(2.0)
    assert CountedSlot.questions - before == 1, "the one that was created since"
    assert pool.ledger.serving.creation.distrusts
    for session in [pool.lend(2.0) for _ in range(200)]:
        assert pool.ledger.check_in(session, 3.0) is None
    pool.ledger.tick(3.0)
    assert not pool.ledger.serving.creation.distrusts
