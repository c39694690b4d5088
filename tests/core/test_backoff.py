"""The pauses between failing attempts, shown one by one."""

import math

import pytest

from pingpool.core.backoff import FIRST_PAUSE, KNOCK, PATIENT, RECOVERED, URGENT, Backoff


def steady() -> Backoff:
    """Return a back-off without jitter."""
    return Backoff(lambda: 0.0)


def test_a_well_database_is_not_held_back() -> None:
    """Without failures any number of attempts may run at any time."""
    backoff = steady()
    assert backoff.allows(0.0, PATIENT) == math.inf
    assert backoff.ready_at(PATIENT) == -math.inf


def test_pauses_double_up_to_the_patience_of_the_moment() -> None:
    """Each failure in a row doubles the pause, up to 30 seconds, or a quarter of one while somebody waits."""
    backoff = steady()
    now = 0.0
    pauses = []
    for _ in range(10):
        backoff.failed(now)
        pauses.append(backoff.ready_at(PATIENT) - now)
        assert backoff.ready_at(URGENT) - now == URGENT
        now = backoff.ready_at(PATIENT)
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_nothing_is_allowed_in_a_pause_and_one_prober_after_it() -> None:
    """A failure is followed by a pause, and the pause by one attempt alone."""
    backoff = steady()
    backoff.failed(10.0)
    assert backoff.allows(10.0 + FIRST_PAUSE / 2, PATIENT) == 0
    assert backoff.allows(10.0 + FIRST_PAUSE, PATIENT) == 1


def test_each_success_doubles_how_many_may_try() -> None:
    """After a failure 1, 2, 4, 8 attempts may run side by side, then any number; with pauses, if nobody waits."""
    backoff = steady()
    backoff.failed(0.0)
    widths = []
    now = 1.0
    while (width := backoff.allows(now, PATIENT)) < math.inf:
        widths.append(width)
        backoff.succeeded(now)
        assert backoff.allows(now, backoff.urgent) == backoff.width, "who waits need not wait for the pause"
        assert backoff.allows(now, PATIENT) == (0 if backoff.width < math.inf else math.inf)
        now += FIRST_PAUSE
    assert widths == [1, 2, 4, 8]
    assert widths[-1] * 2 == RECOVERED


def test_failures_of_one_burst_count_once() -> None:
    """Ten attempts that fail together lengthen the next pause once, but a burst that goes on is counted again."""
    backoff = steady()
    for _ in range(10):
        backoff.failed(5.0)
    assert (backoff.failures, backoff.pause) == (1, FIRST_PAUSE)
    for step in range(1, 11):
        backoff.failed(5.0 + step * FIRST_PAUSE / 2)
    assert backoff.failures == 6


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_jitter_lengthens_a_pause_by_up_to_half(chance: float) -> None:
    """Chance spreads the attempts of many pools: a pause is 1 to 1.5 times as long as without it."""
    backoff = Backoff(lambda: chance)
    backoff.failed(0.0)
    assert backoff.pause == pytest.approx(FIRST_PAUSE * (1 + chance / 2))


def test_after_a_death_one_prober_goes_first_without_a_pause() -> None:
    """It may have been the server, so not all sessions are made anew at once; but nothing has failed yet."""
    backoff = steady()
    backoff.take_care()
    widths = []
    while (width := backoff.allows(0.0, PATIENT)) < math.inf:
        widths.append(width)
        backoff.succeeded(0.0)
    assert widths == [1, 2, 4, 8]


def test_an_attempt_that_troubled_nobody_may_come_again_sooner() -> None:
    """Where no server is, the pause while somebody waits is the shorter one, until an attempt fails in another way."""
    backoff = steady()
    backoff.failed(0.0)
    assert backoff.urgent == URGENT
    backoff.hasten()
    assert backoff.ready_at(backoff.urgent) == KNOCK
    assert backoff.ready_at(PATIENT) == FIRST_PAUSE
    backoff.failed(1.0)
    assert backoff.ready_at(backoff.urgent) == 1.0 + URGENT


def test_reset_forgets_all_failures() -> None:
    """After a reset nothing is held back."""
    backoff = steady()
    backoff.failed(0.0)
    backoff.reset()
    assert (backoff.failures, backoff.allows(0.0, PATIENT)) == (0, math.inf)
