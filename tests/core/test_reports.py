"""What the end of a job means, one end at a time."""

import math

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.reports import DOUBTS
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING
from pingpool.errors import Overrun

from .by_hand import Pool
from .model import check

AWAY = ConnectionError("the database is away")


def test_a_session_found_dead_after_an_error_makes_the_others_suspect() -> None:
    """A use ended in an error, and the check shows that it was the session's death."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.UNPROVEN, 1.0)
    pool.report(pool.job(CHECKING), Outcome(End.GONE), 2.0)
    assert pool.ledger.check_out(2.0, None, 0) is None
    check(pool.ledger, 2.0)


def test_a_session_found_dead_while_idle_makes_nobody_suspect() -> None:
    """It died of its age, or of the path; the others are lent as before."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.check_in(pool.lend(9.0), 9.0)
    pool.ledger.ping(Round(), 10.0)
    pool.report(pool.job(CHECKING), Outcome(End.GONE), 10.0)
    assert pool.lend(10.0).name == 1


@pytest.mark.parametrize("end", [End.GONE, End.OVERRAN])
def test_a_session_that_dies_of_its_reset_makes_nobody_suspect(end: End) -> None:
    """Its slot is vacant at once, and nothing is learned of the path."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LEFT_OPEN, 1.0)
    pool.report(pool.job(RESETTING), Outcome(end), 2.0)
    assert len(pool.jobs(CREATING)) == 1
    assert pool.lend(2.0).name == 2
    assert pool.ledger.learner.limit.feared == math.inf


def test_a_session_that_died_before_its_error_makes_others_suspect() -> None:
    """The error was not the database's, but something happened to the database meanwhile."""
    pool = Pool(2)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.MAY_HOLD_LOCKS, 1.0)
    pool.report(pool.job(RESETTING), Outcome(End.GONE), 2.0)
    assert pool.ledger.check_out(2.0, None, 0) is None


def test_a_reset_that_failed_ends_the_session() -> None:
    """Nobody knows what is left open in it."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(1.0)
    pool.ledger.take_back(session, Verdict.LEFT_OPEN, 1.0)
    pool.report(pool.job(RESETTING), Outcome(End.IN_DOUBT, error=AWAY), 2.0)
    assert (pool.job(CLOSING).session, pool.ledger.failure) == (session, AWAY)


def test_a_session_that_grew_too_old_in_its_check_is_ended() -> None:
    """It is alive, and would be lent to nobody."""
    pool = Pool(1, lifetime=5.0, interval=4.0)
    pool.fill()
    pool.ledger.ping(Round(), 4.0)
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 5.0)
    assert pool.job(CLOSING).session.name == 1


@pytest.mark.parametrize("end", [End.ALIVE, End.SEEN_ALIVE, End.IN_DOUBT])
def test_what_a_check_brings_after_a_clear_is_ended(end: End) -> None:
    """The pool was cleared while the check went on: however it ends, the session is not wanted."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    round = Round()
    pool.ledger.clear(round, 10.0)
    pool.report(pool.job(CHECKING), Outcome(end, error=AWAY if end is End.IN_DOUBT else None), 11.0)
    closing = pool.job(CLOSING)
    assert (closing.session.name, round.is_over) == (1, False)
    pool.report(closing, Outcome(End.CLOSED), 12.0)
    assert (round.is_over, len(pool.ledger.vacant)) == (True, 1)


def test_what_is_created_after_a_clear_is_ended() -> None:
    """A creation that was under way cannot be taken back; what it brings is not wanted."""
    pool = Pool(1)
    pool.ledger.fill(Round(), 0.0)
    job = pool.job(CREATING)
    pool.ledger.start(job)
    pool.ledger.clear(Round(), 1.0)
    pool.report(job, Outcome(End.CREATED, pool.session()), 2.0)
    assert pool.job(CLOSING).session.name == 1


def test_a_failure_is_remembered_until_a_session_is_created() -> None:
    """A proof of another session does not hide that none can be created."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    pool.report(first, Outcome(End.CREATED, pool.session()), 0.0)
    pool.report(second, Outcome(End.FAILED, error=AWAY), 0.0)
    pool.ledger.ping(Round(), 10.0)
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 10.0)
    assert pool.ledger.failure is AWAY
    pool.ledger.tick(20.0)
    pool.create_all(20.0)
    assert pool.ledger.failure is None


def test_a_doubt_is_forgotten_with_the_next_proof() -> None:
    """Where creation is well, the failure of a check is no news any more after one that proved its session."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    pool.report(pool.job(CHECKING), Outcome(End.IN_DOUBT, error=AWAY), 10.0)
    assert pool.ledger.failure is AWAY
    pool.ledger.ping(Round(), 20.0)
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 20.0)
    assert pool.ledger.failure is None


def test_doubts_are_counted_from_the_last_proof() -> None:
    """One proof in between, and a session is given the whole number of checks again."""
    pool = Pool(1)
    pool.fill()
    ends = [End.IN_DOUBT] * (DOUBTS - 1) + [End.ALIVE] + [End.IN_DOUBT] * (DOUBTS - 1)
    for number, end in enumerate(ends, 1):
        pool.ledger.ping(Round(), 20.0 * number)
        pool.report(pool.job(CHECKING), Outcome(end, error=AWAY), 20.0 * number)
    assert (pool.jobs(CLOSING), len(pool.ledger.idle)) == ([], 1)


def test_a_session_whose_checks_say_nothing_is_kept() -> None:
    """However often they fail; only a check that proved nothing for another reason ends it at last."""
    pool = Pool(1)
    pool.fill()
    for number in range(1, 2 * DOUBTS):
        pool.ledger.ping(Round(), 20.0 * number)
        pool.report(pool.job(CHECKING), Outcome(End.KEPT, error=AWAY), 20.0 * number)
    assert (pool.jobs(CLOSING), len(pool.ledger.idle), pool.ledger.failure) == ([], 1, AWAY)


def test_what_could_not_be_ended_is_ended_after_the_next_success() -> None:
    """One after the other; whoever waits for that success waits for the first of them, too."""
    pool = Pool(2)
    pool.fill()
    for _ in range(2):
        pool.ledger.take_back(pool.lend(1.0), Verdict.DISCARDED, 1.0)
    for job in pool.jobs(CLOSING):
        pool.report(job, Outcome(End.LEFT, error=AWAY), 1.0)
    first = pool.jobs(CREATING)[0]
    pool.report(first, Outcome(End.FAILED, error=AWAY), 1.0)
    assert pool.jobs(CLOSING) == []
    pool.ledger.tick(20.0)
    creation = pool.jobs(CREATING)[0]
    round = Round()
    round.jobs.add(creation)
    pool.ledger.rounds.append(round)
    pool.report(creation, Outcome(End.CREATED, pool.session()), 20.0)
    again = pool.job(CLOSING)
    assert (again.slot, round.is_over) == (None, False)
    pool.report(again, Outcome(End.LEFT, error=AWAY), 20.0)
    assert (round.is_over, pool.jobs(CLOSING)) == (True, [])
    left = list(pool.ledger.places.left)
    pool.ledger.clear(Round(), 21.0)
    assert {session.name for session in left} <= {job.session.name for job in pool.jobs(CLOSING)}
    assert not pool.ledger.places.left


def test_a_closing_that_overran_may_still_fail() -> None:
    """Its late report says so, and it is tried again; one that nobody had begun is begun anew at once."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(1.0)
    pool.ledger.take_back(session, Verdict.DISCARDED, 1.0)
    late = pool.job(CLOSING)
    pool.report(late, Outcome(End.OVERRAN), 2.0)
    pool.report(late, Outcome(End.LEFT, error=AWAY), 3.0)
    assert list(pool.ledger.places.left) == [session]


def test_a_check_that_overran_says_so() -> None:
    """The error tells what took too long, and the session is counted by its reason."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    pool.report(pool.job(CHECKING), Outcome(End.OVERRAN), 15.0)
    assert isinstance(pool.ledger.failure, Overrun)
    assert "being checked" in str(pool.ledger.failure)
    assert pool.ledger.places.tally.replaced == {"overran": 1}


def test_a_closing_that_overran_frees_its_slot_and_is_not_repeated() -> None:
    """It was begun, so whatever comes of it, the session is ended or beyond help."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.TAINTED, 1.0)
    closing = pool.job(CLOSING)
    pool.report(closing, Outcome(End.OVERRAN), 6.0)
    assert (pool.jobs(CLOSING), len(pool.jobs(CREATING))) == ([], 1)
    assert pool.ledger.failure is None
    pool.ledger.report(closing, Outcome(End.CLOSED), 9.0)
    assert pool.jobs(CLOSING) == []


def test_a_check_that_nobody_began_in_time_keeps_its_session() -> None:
    """All workers hang: nobody has seen this session, so it is not given up, but checked again."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    pool.ledger.report(pool.job(CHECKING), Outcome(End.OVERRAN), 15.0)
    assert [slot.session.name for slot in pool.ledger.idle] == [1]
    assert pool.ledger.check_out(15.0, None, 0) is None


def test_a_late_report_ends_its_session_once() -> None:
    """A check overran its time; its late end brings the session, which is closed aside, and only once."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 10.0)
    job = pool.job(CHECKING)
    session = job.session
    pool.report(job, Outcome(End.OVERRAN), 15.0)
    pool.ledger.report(job, Outcome(End.OVERRAN), 16.0)
    assert pool.jobs(CLOSING) == []
    for end in (End.ALIVE, End.GONE):
        pool.ledger.report(job, Outcome(end), 17.0)
    assert [closing.session for closing in pool.jobs(CLOSING)] == [session]


def test_a_round_tells_its_own_failure_only() -> None:
    """A failure belongs to the rounds that waited for its job."""
    pool = Pool(1)
    fill, ping = Round(), Round()
    pool.ledger.fill(fill, 0.0)
    job = pool.job(CREATING)
    pool.ledger.ping(ping, 0.0)
    pool.report(job, Outcome(End.FAILED, error=AWAY), 0.0)
    assert (fill.failure, fill.is_over) == (AWAY, True)
    assert (ping.failure, ping.is_over) == (None, True)


def test_who_waits_for_a_session_under_a_check_is_not_told_of_a_refusal() -> None:
    """As long as there is one session to hope for, a refusal turns nobody away."""
    pool = Pool(2)
    pool.ledger.fill(Round(), 0.0)
    first, second = pool.jobs(CREATING)
    pool.report(first, Outcome(End.CREATED, pool.session()), 0.0)
    pool.ledger.start(second)
    waiter = pool.ask(20.0)
    pool.report(second, Outcome(End.REFUSED, error=AWAY), 20.0)
    assert not waiter.is_over
    pool.report(pool.job(CHECKING), Outcome(End.ALIVE), 21.0)
    assert waiter.session is not None
