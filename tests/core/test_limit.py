"""The idle limit, learned from single deaths and lives; and the interval that follows from them."""

import math
from itertools import count

import pytest

from pingpool.core.limit import CALM, CAUTION, FIRST, GROWTH, LONGEST, SHORTEST, SOON, WITNESSES, IdleLimit


def after_deaths(*ages: float) -> IdleLimit:
    """Return what is known after these deaths, each of a session proven after things had settled."""
    limit = IdleLimit()
    for number, age in enumerate(ages):
        limit.died_idle(age, proven_at=1000.0 * number, settled_at=1000.0 * number + age)
    return limit


def test_nothing_is_known_at_first() -> None:
    """The interval begins where nearly every path keeps sessions, and a longer age is to be tried."""
    limit = IdleLimit()
    assert (limit.drops_from, limit.feared, limit.oldest_alive) == (math.inf, math.inf, 0.0)
    assert (limit.interval, limit.trial) == (FIRST, FIRST * GROWTH)


def test_lives_lengthen_the_interval_up_to_the_longest_worth_having() -> None:
    """Each age that was survived becomes the interval, and a longer one is tried, until there is nothing to gain."""
    limit = IdleLimit()
    while limit.trial > limit.interval:
        limit.lived(limit.trial)
        assert limit.interval == limit.oldest_alive
    assert limit.interval == LONGEST


def test_one_death_is_acted_on_and_not_spoken_of() -> None:
    """The interval falls to what is known to be survived below that age; no limit is claimed."""
    limit = IdleLimit()
    limit.lived(200.0)
    limit.died_idle(300.0, proven_at=0.0, settled_at=300.0)
    assert (limit.interval, limit.drops_from) == (200.0, math.inf)


def test_three_deaths_in_a_row_are_a_limit() -> None:
    """The age that all three had reached is the one from which sessions are dropped."""
    assert WITNESSES == 3
    assert after_deaths(350.0, 400.0).drops_from == math.inf
    assert after_deaths(350.0, 400.0, 360.0).drops_from == 400.0
    assert after_deaths(900.0, 350.0, 400.0, 360.0).drops_from == 400.0


def test_a_massacre_is_one_death() -> None:
    """Sessions that were proven before things had settled may have died of the same cause, say a restart."""
    limit = IdleLimit()
    for age in (50.0, 10.0, 30.0, 20.0):
        limit.died_idle(age, proven_at=100.0 - age, settled_at=100.0)
    assert (limit.feared, limit.drops_from) == (10.0, math.inf)


def test_a_life_refutes_every_death_at_its_age_or_below() -> None:
    """A session that outlives a death shows that it had another cause; so the interval is again what it was."""
    limit = after_deaths(5.0, 40.0)
    limit.lived(39.0)
    assert limit.feared == 40.0
    limit.lived(40.0)
    assert (limit.feared, limit.interval) == (math.inf, 40.0)
    limit.died_idle(7.0, proven_at=500.0, settled_at=1500.0)
    assert limit.feared == math.inf, "it was proven before the last death was found, and that one was refuted"


def test_where_nobody_was_seen_alive_the_interval_is_cautious() -> None:
    """It is a part of the age of the youngest dead, but never so short that keeping alive is a load of its own."""
    assert after_deaths(100.0).interval == 100.0 * CAUTION
    assert after_deaths(0.001).interval == SHORTEST


def test_a_death_never_lengthens_the_interval() -> None:
    """However old the dead session was, where none was seen alive the interval is that of the beginning at most."""
    for age in (120.0, 1200.0, 200_000.0):
        limit = after_deaths(age)
        assert limit.interval <= FIRST
        assert limit.trial <= LONGEST
    limit = after_deaths(8000.0)
    limit.lived(5000.0)
    assert (limit.interval, limit.trial) == (LONGEST, LONGEST)


def test_a_death_in_use_is_feared_until_a_session_lives_as_long() -> None:
    """It shortens the interval like any other, is refuted like any other, and is never a part of a claim."""
    limit = IdleLimit()
    limit.lived(200.0)
    for _ in range(WITNESSES):
        limit.died_in_use(100.0)
    assert (limit.feared, limit.interval, limit.drops_from) == (100.0, 100.0 * CAUTION, math.inf)
    limit.lived(100.0)
    assert (limit.feared, limit.interval) == (math.inf, 200.0)


def test_sessions_that_were_proven_together_refute_each_other() -> None:
    """A hundredth of their age is no difference: nobody checks all of them in the same moment."""
    limit = after_deaths(100.0)
    limit.lived(99.5)
    assert limit.feared == math.inf


def test_one_death_below_a_known_limit_is_soon_put_to_the_test() -> None:
    """It has one witness, whatever is known of larger ages."""
    limit = after_deaths(400.0, 400.0, 400.0, 90.0)
    limit.passed(80.0)
    for _ in range(SOON - 1):
        limit.passed(1.0)
    assert limit.trial == 90.0


def test_a_path_that_has_changed_is_learned_anew() -> None:
    """What was survived before three deaths in a row at smaller ages counts no more."""
    limit = IdleLimit()
    limit.lived(2000.0)
    for number in count():
        limit.died_idle(350.0, proven_at=1000.0 * number, settled_at=1000.0 * number + 350)
        if limit.drops_from < math.inf:
            break
        assert limit.oldest_alive == 2000.0
    assert limit.oldest_alive == 0.0
    limit.lived(90.0)
    assert limit.interval == 90.0


def test_the_gap_between_alive_and_dead_is_halved() -> None:
    """The next age to try lies in the middle, until the gap is small."""
    limit = IdleLimit()
    limit.lived(100.0)
    limit.died_idle(200.0, proven_at=0.0, settled_at=200.0)
    assert limit.trial == 150.0
    limit.lived(150.0)
    assert limit.trial == 175.0
    limit.lived(175.0)
    assert limit.trial == limit.interval == 175.0


@pytest.mark.parametrize(("deaths", "calm"), [([200.0], SOON), ([200.0, 200.0, 200.0], CALM)])
def test_a_fear_is_put_to_the_test_again(deaths: list[float], calm: int) -> None:
    """After a while without deaths the feared age is tried again: soon while witnesses are missing, later on rarely."""
    limit = after_deaths(*deaths)
    limit.passed(190.0)
    for _ in range(calm - 2):
        limit.passed(1.0)
    assert limit.trial == limit.interval == 190.0
    limit.passed(1.0)
    assert limit.trial == 200.0
    limit.lived(200.0)
    assert (limit.interval, limit.trial) == (200.0, 300.0)


def test_close_to_the_limit_there_is_no_more_to_find_out() -> None:
    """An age within a quarter above the interval is near enough: nothing is tried, until many checks found no death."""
    limit = IdleLimit()
    limit.lived(40.0)
    limit.died_idle(50.0, 0.0, 50.0)
    assert (limit.interval, limit.trial) == (40.0, 40.0)
