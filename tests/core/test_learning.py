"""How a pool learns the idle limit of its path, and an interval below it, from what happens to its sessions."""

import math
from typing import Any

import pytest

from pingpool.core.limit import FIRST
from pingpool.core.orders import End, Job, LimitFound, Order, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CLOSING, CREATING

from .by_hand import Pool
from .model import Session, check


class Path(Pool):
    """A kept-alive pool on a path that drops what is idle for more than `limit` seconds, without a word."""

    def __init__(self, size: int, limit: float, **options: Any) -> None:
        """Fill the pool."""
        super().__init__(size, **{"interval": "auto", **options})
        self.ledger.keep()
        self.limit = limit
        self.now = 0.0
        self.last_sign: dict[Session, float] = {}
        self.told: list[LimitFound] = []
        self.pings = 0
        self.carry_out(self.ledger.fill(Round(), self.now))

    def carry_out(self, orders: list[Order] | None) -> None:
        """Do the jobs at once, and note what is told."""
        for order in orders or []:
            if isinstance(order, LimitFound):
                self.told.append(order)
        while jobs := list(self.ledger.jobs):
            job = jobs[0]
            self.ledger.start(job)
            if job.kind is CREATING:
                new = self.session()
                self.last_sign[new] = self.now
                self.carry_out(self.ledger.report(job, Outcome(End.CREATED, new), self.now))
            elif job.kind is CLOSING:
                self.carry_out(self.ledger.report(job, Outcome(End.CLOSED), self.now))
            else:
                self.pings += 1
                end = End.ALIVE if self.hears(job.session) else End.GONE
                self.carry_out(self.ledger.report(job, Outcome(end), self.now))
        check(self.ledger, self.now)

    def hears(self, session: Session) -> bool:
        """Send something over the path; return whether the session was still there."""
        if self.now - self.last_sign[session] >= self.limit:
            return False
        self.last_sign[session] = self.now
        return True

    def restart_server(self) -> None:
        """End every session."""
        self.last_sign = dict.fromkeys(self.last_sign, -math.inf)

    def leave_alone(self, seconds: float) -> None:
        """Let only the keeper be at work."""
        until = self.now + seconds
        while (due_at := max(self.ledger.keeping.next_due(), self.now)) <= until:
            self.now = due_at
            orders = self.ledger.ping(Round(), self.now)
            assert any(isinstance(order, Job) for order in orders), "it was due, and nothing was done"
            self.carry_out(orders)
        self.now = until

    def use(self) -> bool:
        """Check out, speak, check in; return whether the session was alive."""
        session = self.ledger.check_out(self.now, None, 0)
        if session is None:
            waiter = self.ask(self.now)
            self.carry_out([])
            session = waiter.session
            assert session is not None
        was_alive = self.hears(session)
        self.carry_out(self.ledger.take_back(session, Verdict.WELL if was_alive else Verdict.LOST, self.now))
        return was_alive


@pytest.mark.parametrize("limit", [2.0, 20.0, 45.0, 60.0, 350.0, 1000.0])
def test_the_interval_settles_below_the_limit(limit: float) -> None:
    """Left alone, a pool learns an interval within a third of the limit, and seldom loses a session after that."""
    path = Path(8, limit)
    path.leave_alone(100 * limit + 2000)
    assert limit / 1.35 <= path.ledger.interval <= limit
    assert path.told[-1].idle_limit == pytest.approx(limit, rel=0.35)
    path.pings = path.ledger.places.tally.replaced["gone"] = 0
    path.leave_alone(100 * limit)
    assert path.ledger.places.tally.replaced["gone"] <= 1 + path.pings / 500


def test_the_example_of_the_docs() -> None:
    """A pool of ten on a path of 350 seconds: 342 after a quarter of an hour, four sessions lost in fifty minutes."""
    path = Path(10, limit=350.0)
    path.leave_alone(16 * 60)
    assert round(path.ledger.interval) == 342
    path.leave_alone(34 * 60)
    assert (round(path.ledger.interval), path.ledger.places.tally.replaced["gone"]) == (342, 4)
    assert [round(found.idle_limit) for found in path.told] == [427]


def test_nobody_meets_a_dead_session_while_the_pool_learns() -> None:
    """Each age is tried on a session that is lent to nobody: of bursts at all moments not one finds a dead one."""
    path = Path(6, limit=100.0)
    for number in range(400):
        path.leave_alone(11.0 + 7.3 * (number % 13))
        assert all(path.use() for _ in range(number % 9))
    assert path.ledger.places.tally.replaced["gone"] > 0
    assert 75 < path.ledger.interval <= 100


def test_where_nothing_dies_pings_become_rare() -> None:
    """Without a limit the interval grows to the longest, each step proved on one session first."""
    path = Path(4, math.inf)
    path.leave_alone(30_000)
    assert (path.ledger.interval, path.ledger.places.tally.replaced["gone"]) == (3000.0, 0)
    path.pings = 0
    path.leave_alone(30_000)
    assert path.pings <= 4 * 30_000 / 2700 + 4


def test_only_the_oldest_session_is_left_alone_for_longer() -> None:
    """The others are pinged in their time; and a caller gets one of those, while the oldest is checked."""
    path = Path(3, math.inf)
    path.leave_alone(FIRST * 1.2)
    ages = [path.now - slot.proven_at for slot in path.ledger.idle]
    assert ages[0] > FIRST > max(ages[1:])
    waiter = path.ask(path.now)
    assert waiter.session is not None, "others are fresh, so nobody waits for the check"
    assert path.job(CHECKING).idle_for == ages[0]


def test_a_pool_of_one_gets_over_its_restarts() -> None:
    """A restart a day shortens the interval for minutes: the age of the beginning is tried again. Nothing is told."""
    path = Path(1, math.inf)
    for _ in range(10):
        path.leave_alone(86_400.0 / 2)
        assert path.ledger.interval == FIRST
        path.restart_server()
        path.leave_alone(60.0)
        assert path.ledger.interval < FIRST
        path.leave_alone(86_400.0 / 2)
    assert path.told == []


def test_nothing_new_is_tried_while_a_session_is_lent() -> None:
    """Only a pool that is all idle leaves one alone for longer: a busy one may want every session at any moment."""
    path = Path(3, math.inf)
    path.lend(0.0)
    path.leave_alone(10_000)
    assert path.ledger.interval == FIRST
    assert max(path.now - slot.proven_at for slot in path.ledger.idle) < FIRST


def test_after_a_restart_a_known_limit_is_soon_relied_on_again() -> None:
    """One death below it is no new limit: the age is tried again soon, and the interval is what it was."""
    path = Path(4, limit=350.0)
    path.leave_alone(40_000)
    learned = path.ledger.interval
    assert 250 < learned < 350
    path.leave_alone(learned / 3)
    path.restart_server()
    path.leave_alone(2 * learned)
    assert path.ledger.interval < learned
    path.leave_alone(20_000)
    assert path.ledger.interval > 0.9 * learned


def test_a_pool_of_one_tries_nothing_new() -> None:
    """Its only session is never left to itself for longer than at the beginning: somebody might want it."""
    path = Path(1, math.inf)
    path.leave_alone(10_000)
    assert path.ledger.interval == FIRST


def test_a_restart_is_no_limit() -> None:
    """A massacre shortens the interval for a while; the first session that lives as long shows what it was."""
    path = Path(4, math.inf)
    path.leave_alone(1000)
    before = path.ledger.interval
    path.restart_server()
    path.leave_alone(1000)
    assert path.ledger.places.tally.replaced["gone"] == 4
    path.leave_alone(20_000)
    assert path.ledger.interval > before
    assert path.told == []


def test_sessions_that_are_ended_one_after_the_other_are_no_limit() -> None:
    """A server that shuts down may take its time: deaths close to one another count as one, however young they are."""
    path = Path(4, math.inf, interval=100.0)
    for _ in range(3):
        for number in range(12):
            path.now += 0.1
            if number % 3 == 0:
                path.restart_server()
            session = path.ledger.check_out(path.now, None, 0)
            if session is None:  # new ones die at once, so creations pause
                continue
            verdict = Verdict.WELL if path.hears(session) else Verdict.GONE
            path.carry_out(path.ledger.take_back(session, verdict, path.now))
        assert path.ledger.learner.limit.feared < 1
        path.leave_alone(300.0)
        assert path.ledger.learner.limit.feared == math.inf
    assert path.ledger.places.tally.replaced["gone"] >= 9
    assert path.told == []


def test_a_set_interval_stays_and_the_limit_is_told_once() -> None:
    """What the user set is not changed; once it is certain that the path drops sessions before that, he is told."""
    path = Path(4, limit=350.0, interval=3000.0)
    path.leave_alone(50_000)
    assert path.ledger.interval == 3000.0
    [found] = path.told
    assert 350 < found.idle_limit <= found.interval == 3000.0


def test_a_limit_beyond_the_interval_is_not_worth_a_word() -> None:
    """Where pings come often enough nothing dies, and nothing is told."""
    path = Path(4, limit=350.0, interval=300.0)
    path.leave_alone(50_000)
    assert (path.told, path.ledger.places.tally.replaced["gone"]) == ([], 0)
    assert path.ledger.learner.limit.oldest_alive == pytest.approx(270.0)


def test_a_death_that_another_made_suspect_tells_nothing() -> None:
    """After a death in use the others are checked whatever their age: that they are dead too says nothing of it."""
    path = Path(4, math.inf)
    for _ in range(4):
        path.leave_alone(2.0)
        assert path.use()
    path.restart_server()
    assert not path.use()
    path.leave_alone(10.0)
    assert path.ledger.places.tally.replaced == {"lost": 1, "gone": 3}
    assert path.ledger.learner.limit.feared == 6.0, "the age of the one that died in use; the others were 4, 2 and 0"


def test_a_busy_pool_learns_from_uses() -> None:
    """Where traffic leaves nothing to ping, the idle ages that sessions survive are seen all the same."""
    path = Path(3, math.inf, interval=3000.0)
    for _ in range(20):
        path.leave_alone(50.0)
        path.carry_out(path.ledger.ping(Round(), path.now))
        for _ in range(3):
            assert path.use()
    assert path.pings == 0
    assert path.ledger.learner.limit.oldest_alive == 50.0


@pytest.mark.parametrize("found", [End.GONE, End.OVERRAN, Verdict.GONE])
def test_every_death_that_is_found_bears_witness(found: End | Verdict) -> None:
    """A ping that fails or has no answer, a socket that is seen to be closed: such a session died while it was idle."""
    pool = Pool(2, interval=60.0)
    pool.fill()
    if isinstance(found, Verdict):
        pool.ledger.take_back(pool.lend(50.0), found, 50.0)
        assert pool.ledger.learner.limit.feared == 50.0
        return
    pool.ledger.ping(Round(), 60.0)
    job = pool.jobs(CHECKING)[0]
    pool.report(job, Outcome(found), 65.0)
    assert pool.ledger.learner.limit.feared == 60.0


def test_a_death_in_use_is_feared_and_bears_no_witness() -> None:
    """A job of twenty minutes whose session dies tells little of how long one may be idle, however often that is."""
    pool = Pool(1, interval=3000.0)
    now = 0.0
    for _ in range(5):
        pool.fill(now)
        session = pool.lend(now)
        now += 1200.0
        pool.ledger.take_back(session, Verdict.LOST, now)
        now += 1.0
        pool.create_all(now)
        assert pool.ledger.learner.limit.feared == 1200.0
        assert pool.ledger.learner.limit.drops_from == math.inf


@pytest.mark.parametrize("found", [End.GONE, End.OVERRAN])
def test_a_death_found_after_an_error_is_one_in_use(found: End) -> None:
    """An error of which nobody knows what it means, and then a ping that fails: the session may have idled too long."""
    pool = Pool(2, interval=3000.0)
    pool.fill()
    pool.ledger.take_back(pool.lend(50.0), Verdict.UNPROVEN, 51.0)
    pool.report(pool.job(CHECKING), Outcome(found), 52.0)
    assert pool.ledger.learner.limit.feared == 52.0
    assert pool.ledger.is_suspect(pool.ledger.idle[0])


def test_a_quick_look_tells_as_much_as_a_ping() -> None:
    """A session that was seen alive in vain, and then pinged, lived for as long as it was idle before the look."""
    pool = Pool(1, interval=60.0)
    pool.fill()
    pool.ledger.ping(Round(), 70.0)
    look = pool.job(CHECKING)
    pool.ledger.start(look)
    pool.report(look, Outcome(End.SEEN_ALIVE), 70.0)
    assert pool.ledger.learner.limit.oldest_alive == 70.0
    pool.report(pool.job(CHECKING), Outcome(End.GONE), 70.5)
    assert pool.ledger.learner.limit.feared == math.inf, "it died a moment after it was seen alive"


def test_what_was_looked_at_is_forgotten_with_its_session() -> None:
    """A pool that noticed how old a session was does not take a new one in its place for the same, or hold on to it."""
    pool = Pool(1, interval=60.0)
    pool.fill()
    session = pool.lend(1.0)
    pool.ledger.check_in(session, 1.0)
    pool.ledger.ping(Round(), 40.0)
    pool.ledger.take_back(pool.lend(41.0), Verdict.TAINTED, 41.0)
    pool.report(pool.job(CLOSING), Outcome(End.CLOSED), 41.0)
    assert not pool.ledger.knows(session)
    pool.create_all(42.0)
    pool.ledger.ping(Round(), 50.0)
    assert pool.ledger.learner.limit.oldest_alive == 0.0


def test_a_second_death_in_use_tells_nothing_of_its_age() -> None:
    """The first one made all others suspect: that one of them is dead too says nothing of how long it was idle."""
    pool = Pool(2, interval=3000.0)
    pool.fill()
    first, second = pool.lend(0.0), pool.lend(0.0)
    pool.ledger.take_back(first, Verdict.LOST, 90.0)
    pool.ledger.take_back(second, Verdict.LOST, 30.0)
    assert pool.ledger.learner.limit.feared == 90.0
