"""After a death the others are asked gently: how many checks begin, and when."""

import random
from itertools import pairwise

import pytest

from pingpool.core.orders import End, Outcome, Round, Verdict
from pingpool.core.proving import Proving
from pingpool.core.slot import CHECKING

from .by_hand import Pool

ANSWER = 0.002
"""Seconds that a ping takes."""


def checks_after_a_death(pool: Pool) -> list[float]:
    """Let a session die in use; return when the keeper had each of the others checked, all of which are well."""
    pool.ledger.keep()
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LOST, 2.0)
    pool.create_all(2.0001)
    now, times = 2.0001, []
    while pool.ledger.is_suspect(pool.ledger.idle[0]):
        due = pool.ledger.keeping.next_due()
        assert due > now or not times, "the keeper is never called in vain"
        now = max(now, due)
        pool.ledger.ping(Round(), now)
        checks = pool.jobs(CHECKING)
        times += [now] * len(checks)
        for job in checks:
            pool.report(job, Outcome(End.ALIVE), now + ANSWER)
        assert pool.ledger.idle
    return times


def most_in_a_tenth(times: list[float]) -> int:
    """Return the most checks that began in any tenth of a second."""
    times = sorted(times)
    return max(sum(when <= each < when + 0.1 for each in times) for when in times)


def test_a_large_pool_is_asked_in_growing_steps_and_never_in_a_burst() -> None:
    """Of a thousand, first one is asked, then 2, 4, 8, 16; in no tenth of a second more than a twentieth of all."""
    times = checks_after_a_death(Pool(1000, interval=3000.0, jitter=random.Random(1).random))
    steps = [times.count(when) for when in sorted(set(times))]
    assert steps[:5] == [1, 2, 4, 8, 16]
    assert len(times) == 999
    assert most_in_a_tenth(times) <= 50
    assert max(times) - min(times) < 6


@pytest.mark.parametrize("seed", range(5))
def test_many_pools_that_meet_the_same_death_are_not_in_step(seed: int) -> None:
    """A hundred pools of ten ask at different times: together no more than a twentieth in a tenth of a second."""
    chance = random.Random(seed)
    times: list[float] = []
    for _ in range(100):
        times += checks_after_a_death(Pool(10, interval=3000.0, jitter=chance.random))
    assert len(times) == 900
    assert most_in_a_tenth(times) <= 50


def test_checks_that_hang_are_relieved_one_by_one() -> None:
    """A suspect that does not answer keeps the others from being asked for a quarter of a second only."""
    proving = Proving(1000, lambda: 0.0)
    proving.heed(1.0)
    assert proving.begin(999, 0, 1.0) == 1
    assert proving.begin(998, 2, 1.1) == 0
    assert (proving.next_at(2), proving.begin(998, 2, 1.25)) == (1.25, 1)
    assert [b - a for a, b in pairwise((1.25, proving.next_at(3)))] == [0.25]


def test_a_new_death_begins_anew() -> None:
    """With one, however far the checks had come."""
    proving = Proving(1000, lambda: 0.0)
    proving.heed(1.0)
    now = 1.0
    for count in (1, 2, 4):
        assert proving.begin(999, 0, now) == count
        now = proving.next_at(0)
    proving.heed(now)
    assert proving.begin(999, 0, now) == 1


def test_who_pings_by_hand_wants_all() -> None:
    """Without a keeper, a round of pings asks every suspect."""
    pool = Pool(20)
    pool.fill()
    pool.ledger.take_back(pool.lend(1.0), Verdict.LOST, 2.0)
    pool.ledger.ping(Round(), 3.0)
    assert len(pool.jobs(CHECKING)) == 19
