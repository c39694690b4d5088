"""What is heard of a session, told to the ledger by hand."""

from itertools import count

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.slot import CHECKING, CREATING, IN_USE
from pingpool.core.told import Replaced, Told

from .by_hand import Pool
from .model import check
from .test_interrupts import is_cut_short


def test_an_idle_session_is_gone_and_nobody_is_suspected() -> None:
    """Its idle age is what it was at that moment; the next one in line is lent as before."""
    pool = Pool(3)
    pool.fill()
    for _ in range(3):
        pool.ledger.check_in(pool.lend(1.0), 1.0)
    told: list[Told] = []
    pool.ledger.places.hear = told.append
    middle = pool.ledger.idle[1]
    pool.ledger.hung_up(middle, middle.ref, 6.0)
    assert told == [Replaced(6.0, "gone", 6.0, 5.0, 0.0)]
    assert pool.job(CREATING).slot is middle
    lent = [pool.lend(6.0), pool.lend(6.0)]
    assert [session.name for session in lent] == [1, 3]
    check(pool.ledger, 6.0)


def test_what_was_heard_in_use_tells_nothing_of_the_session_s_youth() -> None:
    """A session that was proven before is no failed creation, though its proof was put aside while it was lent."""
    pool = Pool(2)
    pool.fill()
    for _ in range(2):
        pool.ledger.check_in(pool.lend(1.0), 1.0)
    session = pool.lend(2.0)
    slot = pool.ledger.lent[id(session)]
    pool.ledger.hung_up(slot, slot.ref, 2.0)
    told: list[Told] = []
    pool.ledger.places.hear = told.append
    pool.ledger.check_in(session, 3.0)
    assert told == [Replaced(3.0, "lost", 3.0, 1.0, 1.0)]
    assert pool.ledger.places.tally.create_failures == 0
    check(pool.ledger, 3.0)


def test_a_check_that_overruns_costs_its_session_as_ever() -> None:
    """Its worker still hangs in it, so the late report has it ended, and not another worker."""
    pool = Pool(1)
    pool.fill()
    pool.ledger.ping(Round(), 11.0)
    job = pool.job(CHECKING)
    pool.ledger.start(job)
    assert job.slot is not None
    pool.ledger.hung_up(job.slot, job.slot.ref, 12.0)
    pool.ledger.report(job, Outcome(End.OVERRAN), 13.0)
    assert dict(pool.ledger.places.tally.replaced) == {"overran": 1}
    pool.create_all(13.0)
    assert not pool.ledger.places.hangups.heard
    check(pool.ledger, 13.0)


def test_what_was_heard_in_use_outlives_a_renewal_that_is_called_off() -> None:
    """The end of the renewal gives the proof of life back that it had put aside, but not to a session that is dead."""
    pool = Pool(2)
    pool.fill()
    session = pool.lend(1.0)
    slot = pool.ledger.lent[id(session)]
    pool.ledger.renew(1.0)
    pool.ledger.hung_up(slot, slot.ref, 2.0)
    pool.ledger.clear(Round(), 3.0)
    pool.ledger.check_in(session, 4.0)
    assert pool.ledger.places.tally.replaced["lost"] == 1
    check(pool.ledger, 4.0)


@pytest.mark.parametrize("is_renewed", [False, True])
def test_a_return_that_is_cut_short_does_not_forget_what_was_heard(is_renewed: bool) -> None:
    """Wherever the interrupt strikes: a session that is lent still does not come back by the fast way."""
    for line in count(1):
        pool = Pool(2)
        pool.fill()
        session = pool.lend(1.0)
        slot = pool.ledger.lent[id(session)]
        if is_renewed:
            pool.ledger.renew(1.0)
        pool.ledger.hung_up(slot, slot.ref, 2.0)
        if not is_cut_short(lambda: pool.ledger.take_back(session, Verdict.WELL, 3.0) and None, line):  # noqa: B023
            break
        pool.ledger.heal()
        pool.ledger.tick(3.0)
        if slot.state is IN_USE:
            pool.ledger.check_in(session, 4.0)
        assert slot.ref is None
        check(pool.ledger, 4.0)
    assert line > 20
