"""The pauses between failing attempts, shown one by one."""

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest

from pingpool.core.backoff import (
    BRIEF,
    EAGER,
    EASIER,
    FIRST_PAUSE,
    KNOCK,
    PATIENT,
    RECOVERED,
    STEP,
    URGENT,
    WANTED,
    Backoff,
)


def steady() -> Backoff:
    """Return a back-off without jitter."""
    return Backoff(lambda: 0.0)


def widths_of_recovery(backoff: Backoff, now: float) -> Iterator[float]:
    """Yield how many may run side by side after each success, until it is any number, for those who wait."""
    while backoff.width < math.inf:
        now = max(now, backoff.next_at(0, waiting=1))
        backoff.began(now, waiting=1)
        yield max(width for width in range(RECOVERED) if backoff.next_at(width - 1, waiting=1) <= now)
        backoff.succeeded(now)


def recovery(backoff: Backoff, now: float) -> Iterator[float]:
    """Yield the times of the attempts of a recovery that nobody waits for, each answered at once, while they pause."""
    while backoff.pause:
        now = backoff.next_at(0, waiting=0)
        backoff.began(now, waiting=0)
        backoff.succeeded(now)
        yield now


def test_a_well_database_is_not_held_back() -> None:
    """Without failures any number of attempts may run at any time."""
    assert steady().next_at(10**6, waiting=0) == -math.inf


def attempts_in_vain(backoff: Backoff, until: float) -> list[float]:
    """Return when attempts fail at once that nobody waits for, up to this time."""
    times = [0.0]
    while times[-1] <= until:
        backoff.failed(times[-1])
        times.append(backoff.next_at(0, waiting=0))
    return times


def test_a_server_that_may_restart_is_asked_every_half_second() -> None:
    """Where nobody waits, the pause grows to half a second, and for ten seconds to no more."""
    pauses = {earlier: later - earlier for earlier, later in pairwise(attempts_in_vain(steady(), 2 * BRIEF))}
    assert pauses.pop(0.0) == FIRST_PAUSE
    assert all(pause == pytest.approx(EAGER) for since, pause in pauses.items() if since < BRIEF)
    assert all(pause == pytest.approx(PATIENT / 1.5) for since, pause in pauses.items() if since >= BRIEF)


def test_who_waits_may_try_four_times_a_second() -> None:
    """However long the pauses have grown, it is a quarter of a second while somebody waits."""
    backoff = steady()
    for now in range(20):
        backoff.failed(float(now))
        assert backoff.next_at(0, waiting=1) - now == URGENT


def test_pauses_double_in_an_outage() -> None:
    """Attempts that take long before they fail are followed by ever longer pauses as soon as it is no restart."""
    backoff = steady()
    backoff.failed(0.0)
    for now in (BRIEF, BRIEF + 10, BRIEF + 20, BRIEF + 30):
        backoff.failed(now)
        yet = backoff.next_at(0, waiting=0) - now
        assert yet == pytest.approx(min(FIRST_PAUSE * 2 ** (backoff.failures - 1), PATIENT / 1.5))


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_after_a_restart_all_come_back_without_a_pause(chance: float) -> None:
    """What was away for less than ten seconds is filled as fast as each step succeeds: 1, 2, 4, 8."""
    backoff = Backoff(lambda: chance)
    attempts_in_vain(backoff, BRIEF - 1)
    now = backoff.next_at(0, waiting=0)
    assert now < BRIEF
    for width in (1, 2, 4, 8):
        assert backoff.next_at(width - 1, waiting=0) <= now
        assert backoff.next_at(width, waiting=0) == math.inf
        backoff.began(now, waiting=0)
        now += 0.01
        backoff.succeeded(now)
    assert backoff.next_at(10**6, waiting=0) <= now


def test_an_absence_begins_with_its_first_failure() -> None:
    """A success ends it: who fails again a moment later has another ten seconds in which it may be a restart."""
    backoff = steady()
    attempts_in_vain(backoff, 2 * BRIEF)
    backoff.succeeded(30.0)
    assert backoff.pause > 0
    backoff.failed(31.0)
    backoff.succeeded(32.0)
    assert backoff.pause == 0


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_every_pause_is_jittered_within_its_bounds(chance: float) -> None:
    """Chance spreads the attempts of many pools, whoever waits and however long the pauses have grown."""
    backoff = Backoff(lambda: chance)
    backoff.failed(0.0)
    assert backoff.next_at(0, waiting=0) == pytest.approx(FIRST_PAUSE * (1 + chance / 2))
    assert backoff.next_at(0, waiting=1) == pytest.approx(URGENT * (1 + chance / 5))
    backoff.hasten()
    assert backoff.next_at(0, waiting=1) == pytest.approx(KNOCK * (1 - chance / 3))
    for now in range(1, 20):
        backoff.failed(float(now))
    assert backoff.next_at(0, waiting=0) - now == pytest.approx(PATIENT * (1 + chance / 2) / 1.5)


def test_nothing_may_start_in_a_pause_and_one_prober_after_it() -> None:
    """A failure is followed by a pause, and the pause by one attempt alone."""
    backoff = steady()
    backoff.failed(10.0)
    assert backoff.next_at(0, waiting=0) == 10.0 + FIRST_PAUSE
    assert backoff.next_at(1, waiting=0) == math.inf


def test_each_success_doubles_how_many_may_try() -> None:
    """After a failure 1, 2, 4, 8 attempts may run side by side, then any number, if somebody waits for them."""
    backoff = steady()
    backoff.failed(0.0)
    assert list(widths_of_recovery(backoff, 0.0)) == [1, 2, 4, 8]
    assert backoff.next_at(10**6, waiting=1) <= FIRST_PAUSE


def test_after_an_outage_a_recovery_goes_on_with_pauses_where_nobody_waits() -> None:
    """What nobody waits for has time; who waits need not wait for the pauses."""
    backoff = steady()
    attempts_in_vain(backoff, BRIEF + 1)
    backoff.began(20.0, waiting=0)
    backoff.succeeded(21.0)
    assert backoff.next_at(0, waiting=1) == 21.0
    assert backoff.next_at(0, waiting=0) == 21.0 + STEP * EASIER


def test_where_somebody_waited_the_others_soon_follow() -> None:
    """Once an attempt that was begun for somebody has succeeded, the rest follow soon: the pool is in use."""
    backoff = steady()
    for now in range(30):
        backoff.failed(float(now))
    backoff.began(30.0, waiting=3)
    backoff.succeeded(31.0)
    assert backoff.next_at(0, waiting=0) == 31.0 + STEP * WANTED


def test_a_recovery_that_nobody_waits_for_goes_one_by_one_and_ever_faster() -> None:
    """After a long outage there is a pause between any two attempts; each is shorter, and all of them take seconds."""
    backoff = steady()
    for now in range(30):
        backoff.failed(float(now))
    times = list(recovery(backoff, 29.0))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:3] == pytest.approx([STEP * EASIER**count for count in (1, 2, 3)])
    assert all(later < earlier for earlier, later in pairwise(gaps))
    assert 4 < times[9] - times[0] < 5
    assert 10 < times[-1] - times[0] < STEP / (1 - EASIER)
    assert backoff.next_at(10**6, waiting=0) <= times[-1], "then any number may run"


def test_the_pause_of_a_recovery_counts_from_the_last_attempt() -> None:
    """An attempt that takes its time is no reason to begin another one beside it at once."""
    backoff = steady()
    attempts_in_vain(backoff, BRIEF + 1)
    backoff.succeeded(20.0)
    backoff.began(27.0, waiting=0)
    assert backoff.next_at(1, waiting=0) == 27.0 + backoff.pause


def test_after_a_death_one_prober_goes_first_without_a_pause() -> None:
    """It may have been the server, so not all sessions are made anew at once; but nothing has failed yet."""
    backoff = steady()
    backoff.take_care()
    assert backoff.next_at(0, waiting=0) == -math.inf
    assert backoff.next_at(1, waiting=0) == math.inf
    assert list(widths_of_recovery(backoff, 5.0)) == [1, 2, 4, 8]


@pytest.mark.parametrize("waiting", [0, 1])
def test_few_successes_follow_each_other_that_nobody_has_proven(waiting: int) -> None:
    """After a session died young four more are tried at once, the fifth after a second; a proof frees all."""
    backoff = steady()
    backoff.belied(0.0, 1.0)
    for _ in range(4):
        assert not backoff.holds_back(1.0)
        assert backoff.next_at(0, waiting) <= 1.0
        backoff.began(1.0, waiting)
        backoff.succeeded(1.0)
    assert backoff.holds_back(1.0)
    assert backoff.next_at(0, waiting) == 2.0
    backoff.proved()
    assert not backoff.holds_back(1.0)
    assert backoff.next_at(0, waiting) <= 1.0


def test_a_prober_that_hangs_is_relieved_while_somebody_waits() -> None:
    """After a quarter of a second without an answer one more may start, and one more after that."""
    backoff = steady()
    backoff.take_care()
    backoff.began(7.0, waiting=0)
    assert backoff.next_at(1, waiting=0) == math.inf
    assert backoff.next_at(1, waiting=3) == 7.0 + URGENT
    backoff.began(7.5, waiting=0)
    assert backoff.next_at(2, waiting=3) == 7.5 + URGENT


def test_failures_of_one_burst_count_once() -> None:
    """Ten attempts that fail together lengthen the next pause once, but a burst that goes on is counted again."""
    backoff = steady()
    for _ in range(10):
        backoff.failed(5.0)
    assert (backoff.failures, backoff.pause) == (1, FIRST_PAUSE)
    for step in range(1, 11):
        backoff.failed(5.0 + step * FIRST_PAUSE / 2)
    assert backoff.failures == 6


def test_an_attempt_that_troubled_nobody_may_come_again_sooner() -> None:
    """Where no server is, the pause while somebody waits is the shorter one, until two attempts fail in another way."""
    backoff = steady()
    backoff.failed(0.0)
    backoff.hasten()
    assert backoff.next_at(0, waiting=1) == KNOCK
    assert backoff.next_at(0, waiting=0) == FIRST_PAUSE
    backoff.failed(1.0)
    assert backoff.next_at(0, waiting=1) == 1.0 + KNOCK, "a server that has just come may only be starting up"
    backoff.failed(2.0)
    assert backoff.next_at(0, waiting=1) == 2.0 + URGENT


def test_reset_forgets_all_failures() -> None:
    """After a reset nothing is held back."""
    backoff = steady()
    backoff.failed(0.0)
    backoff.reset()
    assert (backoff.failures, backoff.next_at(9, waiting=0)) == (0, -math.inf)


def test_chance_makes_the_pause_of_a_recovery_longer_too() -> None:
    """A hundred pools that have waited for one server do not come back in step."""
    backoff = Backoff(lambda: 1.0)
    for now in range(30):
        backoff.failed(float(now))
    backoff.succeeded(31.0)
    assert backoff.pause == STEP * 1.5 * EASIER
