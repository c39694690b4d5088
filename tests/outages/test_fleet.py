"""What a fleet does to its server, on virtual time: the scenes are those of `bench/fleet.py`, with fewer sessions."""

import pytest

from bench.fleet import (
    BURST,
    SWIFT,
    WHOLE,
    Strip,
    away,
    away_and_wanted,
    killed_and_heard,
    killed_and_met,
    restarted,
    start,
)
from bench.fleet_parts import Fleet

PROCESSES, SIZE = 300, 10
MANY = PROCESSES * SIZE
INTERVAL = 30.0


def running(processes: int, size: int) -> Fleet:
    """Return a fleet that has been at work for a while."""
    fleet = Fleet(processes, size, INTERVAL)
    fleet.start()
    fleet.time.run(INTERVAL)
    return fleet


@pytest.mark.parametrize(("processes", "size", "times"), [(PROCESSES, SIZE, 1.4), (1, MANY, 1.1)])
def test_a_common_start_brings_no_bursts_of_pings(processes: int, size: int, times: float) -> None:
    """In no second more pings than on average, but for chance, which counts for less the more there are."""
    strip = start(Fleet(processes, size, INTERVAL))
    assert sum(strip.counts) > MANY
    assert strip.peak_to_mean < times


@pytest.mark.parametrize(("processes", "size"), [(PROCESSES, SIZE), (1, MANY)])
def test_a_server_that_was_away_is_not_trampled(processes: int, size: int) -> None:
    """After a minute all is whole within ten seconds, and a tenth of a second brings a small part of all."""
    strip = away(running(processes, size))
    assert strip.target.is_met
    assert strip.bound == BURST
    assert sum(strip.counts) == pytest.approx(MANY, abs=processes)


def test_a_server_that_restarts_is_met_at_once_but_not_in_one_moment() -> None:
    """After three seconds all are back within one, since all have died apart; none connects twice."""
    strip = restarted(running(PROCESSES, SIZE))
    assert strip.whole is not None
    assert strip.whole < 1.1
    assert sum(strip.counts) == pytest.approx(MANY, abs=PROCESSES)
    assert strip.burst <= SWIFT


def test_a_large_pool_that_lost_all_sessions_recovers_evenly() -> None:
    """Somebody finds one session dead: the others are asked, and made anew, over some seconds."""
    strip = killed_and_met(running(1, MANY))
    assert strip.whole is not None
    assert 3 < strip.whole <= WHOLE
    assert strip.burst <= BURST


@pytest.mark.parametrize(("processes", "size", "soon", "part"), [(PROCESSES, SIZE, 0.7, SWIFT), (1, MANY, 7, BURST)])
def test_who_hears_of_all_deaths_at_once_opens_each_once(processes: int, size: int, soon: float, part: float) -> None:
    """There is no more than one connect for each session that died, and never many in one moment."""
    strip = killed_and_heard(running(processes, size))
    assert sum(strip.counts) == MANY
    assert strip.whole is not None
    assert strip.whole < soon
    assert strip.burst <= part


def test_who_waits_has_sessions_soon() -> None:
    """Where somebody wants a session in every process, all are whole in little more than a second."""
    strip = away_and_wanted(Fleet(20, SIZE, INTERVAL))
    assert strip.whole is not None
    assert strip.whole < 2


def test_a_strip_is_judged_by_its_worst_moments() -> None:
    """A burst, or a fleet that is whole too late, misses the target; and how far it is off is told."""
    assert Strip([5] * 20, 100, 2.0, BURST).target.is_met
    assert not Strip([5, 6, 5], 100, 0.3, BURST).target.is_met
    late = Strip([1] * 200, 200, 20.0, BURST).target
    assert (late.is_met, late.is_near, late.reached) == (False, False, 0.5)
    assert Strip([5] * 20, 100).target.is_met
    assert not Strip([5] * 10 + [50] * 10, 100).target.is_met
