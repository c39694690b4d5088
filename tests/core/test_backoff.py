"""The pauses between failing attempts, shown one by one."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from pingpool.core.backoff import (
    APART,
    BRIEF,
    CALM,
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

TEN, HUNDRED, MANY = 10, 100, 20_000
"""Slots of a pool."""


def steady(size: int = TEN) -> Backoff:
    """Return a back-off without jitter."""
    return Backoff(size, lambda: 0.0)


def widths_of_recovery(backoff: Backoff, now: float) -> Iterator[float]:
    """Yield how many may run side by side after each success, until it is any number, for those who wait."""
    while backoff.width < math.inf:
        now = max(now, backoff.next_at(0, waiting=1))
        backoff.began(now, waiting=1)
        yield max(width for width in range(RECOVERED) if backoff.next_at(width - 1, waiting=1) <= now)
        backoff.succeeded(now)


def recovery(backoff: Backoff, count: int) -> list[float]:
    """Return the times of so many attempts of a recovery that nobody waits for, each answered at once."""
    times = []
    for _ in range(count):
        now = max([*times, backoff.next_at(0, waiting=0)])
        backoff.began(now, waiting=0)
        backoff.succeeded(now)
        times.append(now)
    return times


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
@pytest.mark.parametrize("size", [TEN, HUNDRED])
def test_after_a_restart_all_come_back_without_a_pause(size: int, chance: float) -> None:
    """What was away for less than ten seconds is filled as fast as each step succeeds: 1, 2, 4, 8."""
    backoff = Backoff(size, lambda: chance)
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


def test_a_server_that_was_well_for_a_minute_may_be_restarted() -> None:
    """Whatever was before that: who fails then has another ten seconds in which it may be a restart."""
    backoff = steady()
    last = attempts_in_vain(backoff, 2 * BRIEF)[-2]
    backoff.succeeded(last + 1)
    assert backoff.pause > 0
    backoff.failed(last + CALM)
    backoff.succeeded(last + CALM + 1)
    assert backoff.pause == 0


def test_a_server_that_comes_and_goes_is_not_restarted_each_time() -> None:
    """Who fails again within a minute has not been back: after ten seconds of that it is an outage."""
    backoff = steady()
    for down, up in ((0.0, 1.0), (BRIEF - 2, BRIEF - 1)):
        backoff.failed(down)
        backoff.succeeded(up)
        assert backoff.pause == 0
    for down in (BRIEF + 40, BRIEF + 95):
        backoff.failed(down)
        backoff.succeeded(down + 1)
        assert backoff.pause == STEP


def test_an_attempt_that_hangs_for_minutes_ends_no_absence() -> None:
    """Without a success in between the server was not back, however rarely it is asked."""
    backoff = steady()
    backoff.failed(0.0)
    backoff.failed(2 * CALM)
    backoff.succeeded(2 * CALM + 1)
    assert backoff.pause == STEP


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_every_pause_is_jittered_within_its_bounds(chance: float) -> None:
    """Chance spreads the attempts of many pools, whoever waits and however long the pauses have grown."""
    backoff = Backoff(TEN, lambda: chance)
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
    assert backoff.next_at(0, waiting=0) == 21.0 + STEP


def test_where_somebody_waited_the_others_soon_follow() -> None:
    """Once an attempt that was begun for somebody has succeeded, the rest follow soon: the pool is in use."""
    backoff = steady()
    for now in range(30):
        backoff.failed(float(now))
    backoff.began(30.0, waiting=3)
    backoff.succeeded(31.0)
    assert backoff.next_at(0, waiting=0) == 31.0 + STEP * WANTED


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_recovery_that_nobody_waits_for_goes_one_by_one(chance: float) -> None:
    """After an outage a pool of ten makes fewer than two attempts a second, and is whole in five seconds or six."""
    backoff = Backoff(TEN, lambda: chance)
    attempts_in_vain(backoff, 2 * BRIEF)
    times = recovery(backoff, TEN)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([STEP * (1 + chance / 5)] * (TEN - 1))


@pytest.mark.parametrize("chance", [0.0, 1.0])
@pytest.mark.parametrize("size", [HUNDRED, 1_000, MANY])
def test_a_large_pool_is_whole_in_the_same_time_and_evenly(size: int, chance: float) -> None:
    """It begins as a small one, with a pause that soon grows shorter; then all is spread over some six seconds."""
    backoff = Backoff(size, lambda: chance)
    attempts_in_vain(backoff, 2 * BRIEF)
    times = recovery(backoff, size)
    assert times[1] - times[0] == pytest.approx(STEP * EASIER)
    assert 4 < times[-1] - times[0] < 7
    assert max(Counter(int(when / 0.1) for when in times).values()) <= size / 40


def test_a_very_large_pool_is_never_opened_at_once() -> None:
    """A thousand sessions that died at once come back by doubling, without pauses; more are spread over seconds."""
    for size, least, most in ((1_000, 0.0, 0.0), (MANY, 4.0, 7.0)):
        backoff = steady(size)
        backoff.heard(100.0)
        times = recovery(backoff, size)
        assert least <= times[-1] - 100.0 <= most


def test_those_who_hear_of_a_death_together_do_not_begin_in_step() -> None:
    """Where nobody waits the prober starts within some tenths of a second; whoever waits need not wait for that."""
    backoff = Backoff(TEN, lambda: 0.5)
    for later in (0.0, 0.1):
        backoff.heard(100.0 + later)
        assert backoff.next_at(0, waiting=0) == 100.0 + APART / 2, "no matter how many died"
    assert backoff.next_at(0, waiting=1) <= 100.0
    assert backoff.next_at(1, waiting=0) == math.inf


def test_a_recovery_that_is_over_is_no_reason_to_pause() -> None:
    """If nothing was missing for a while, the next death is met as if there had been no outage."""
    backoff = steady()
    attempts_in_vain(backoff, 2 * BRIEF)
    last = recovery(backoff, 3)[-1]
    backoff.take_care(last + STEP)
    assert backoff.pause == STEP, "it may still go on"
    backoff.take_care(last + 2 * STEP + 0.01)
    assert backoff.pause == 0


def test_after_a_death_one_prober_goes_first_without_a_pause() -> None:
    """It may have been the server, so not all sessions are made anew at once; but nothing has failed yet."""
    backoff = steady()
    backoff.take_care(1.0)
    assert backoff.next_at(0, waiting=0) == -math.inf
    assert backoff.next_at(1, waiting=0) == math.inf
    assert list(widths_of_recovery(backoff, 5.0)) == [1, 2, 4, 8]


@pytest.mark.parametrize("waiting", [0, 1])
def test_few_successes_follow_each_other_that_nobody_has_proven(waiting: int) -> None:
    """After a session died young four more are tried at once, the fifth after a second; a proof frees all."""
    backoff = steady()
    backoff.proved_wrong(0.0, 1.0)
    for _ in range(4):
        assert not backoff.holds_back(1.0)
        assert backoff.next_at(0, waiting) <= 1.0
        backoff.began(1.0, waiting)
        backoff.succeeded(1.0)
    assert backoff.holds_back(1.0)
    assert backoff.next_at(0, waiting) == 2.0
    backoff.proved(1.0)
    assert not backoff.holds_back(1.0)
    assert backoff.next_at(0, waiting) <= 1.0


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_proof_does_not_end_the_pause_of_who_has_just_failed(waiting: int) -> None:
    """One on trial was worth nothing, and another one is proven in the same moment: there is still a short pause."""
    backoff = steady()
    backoff.proved_wrong(0.0, 1.0)
    backoff.began(2.0, waiting)
    backoff.succeeded(2.0)
    backoff.proved_wrong(2.0, 2.1)
    backoff.proved(2.1)
    assert backoff.next_at(0, waiting) == 2.0 + URGENT
    assert backoff.pause == 0, "and after it none"


def test_a_prober_that_hangs_is_relieved_while_somebody_waits() -> None:
    """After a quarter of a second without an answer one more may start, and one more after that."""
    backoff = steady()
    backoff.take_care(1.0)
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
