"""The search for an idle limit: which ages it tries, when it is content, and what it recommends."""

import math
from itertools import pairwise

import pytest

from pingpool.telemetry.idling import MOST_ROUNDS, Finding, Search


def play(search: Search, limit: float) -> Search:
    """Go through a search on a path that ends sessions at an age."""
    while ages := search.next_round():
        for age in ages:
            search.note(Finding(age, age < limit))
            if age >= limit:
                break
    return search


def test_the_climb_begins_small_and_ends_at_the_top() -> None:
    """The first round tries as many ages as there are sessions, each larger by the same factor, the last as asked."""
    ages = Search(1800, 24).next_round()
    assert len(ages) == 24
    assert 1 < ages[0] < 2
    assert ages[-1] == 1800
    factors = [older / younger for younger, older in pairwise(ages)]
    assert max(factors) == pytest.approx(min(factors))


def test_a_short_climb_begins_below_a_second() -> None:
    """Up to five seconds the youngest session is tried at about half a second."""
    assert 0.5 < Search(5, 24).next_round()[0] < 0.6


def test_a_death_narrows_the_search_to_a_gap() -> None:
    """After a death the next round divides the gap below it, and tries that age again."""
    search = Search(1000, 4)
    search.next_round()
    search.note(Finding(100, True))
    search.note(Finding(300, False))
    assert search.next_round() == [150, 200, 250, 300]


@pytest.mark.parametrize("sessions", [2, 3, 24, 100])
@pytest.mark.parametrize("limit", [0.3, 2.0, 59.9, 350.0, 1799.0])
def test_any_limit_is_found(limit: float, sessions: int) -> None:
    """Whatever the limit, the gap that is left holds it, and is at most 5 % of it, or a tenth of a second."""
    search = play(Search(1800, sessions), limit)
    assert search.youngest_dead is not None
    assert search.oldest_alive < limit <= search.youngest_dead
    assert search.youngest_dead - search.oldest_alive <= max(0.1, 0.05 * search.youngest_dead)
    assert search.rounds < MOST_ROUNDS
    assert search.strays == []


def test_two_rounds_are_enough_for_a_few_dozen_sessions() -> None:
    """With the usual number of sessions a limit costs one climb and one division."""
    assert play(Search(1800, 24), 350).rounds == 2


def test_where_nothing_dies_one_climb_is_enough() -> None:
    """A path without a limit is climbed once; nothing is claimed beyond the top."""
    search = play(Search(300, 24), math.inf)
    assert (search.rounds, search.oldest_alive, search.youngest_dead) == (1, 300, None)
    assert search.ping_interval == 240


def test_a_death_of_another_cause_is_found_out() -> None:
    """A death that others outlive is no limit: the search climbs on, and counts it as a stray."""
    search = Search(1000, 4)
    search.next_round()
    search.note(Finding(10, True))
    search.note(Finding(30, False))
    play(search, 500)
    assert search.strays == [30]
    assert search.youngest_dead is not None
    assert search.oldest_alive < 500 <= search.youngest_dead


def test_the_interval_stays_below_the_first_death() -> None:
    """Recommended are four fifths of the oldest age that was alive below the first death, strays included."""
    search = Search(1000, 4)
    for age, is_alive in ((50, True), (60, False), (400, True), (500, False)):
        search.note(Finding(age, is_alive))
    assert search.ping_interval == 40


@pytest.mark.parametrize(("alive", "interval"), [(350.9, 280), (9.99, 7.9), (0.333, 0.26), (0, 0)])
def test_the_interval_is_a_number_that_a_person_would_write(alive: float, interval: float) -> None:
    """It is rounded down: to whole seconds, to tenths below ten, to hundredths below one."""
    search = Search(1000, 4)
    search.note(Finding(alive, True))
    assert search.ping_interval == interval


def test_an_unclear_answer_says_nothing() -> None:
    """A session of which nothing is known counts neither as alive nor as dead, and is not tried for ever."""
    search = Search(100, 2)
    for age in search.next_round():
        search.note(Finding(age, None))
    assert (search.oldest_alive, search.youngest_dead, search.ping_interval) == (0, None, 0)
    assert search.next_round() == []


def test_a_path_that_contradicts_itself_is_not_searched_for_ever() -> None:
    """Where sessions die at random the search ends all the same."""
    search = Search(1e9, 2)
    while ages := search.next_round():
        search.note(Finding(ages[0], False))
        search.note(Finding(ages[0] * 1.0001, True))
    assert search.rounds == MOST_ROUNDS


@pytest.mark.parametrize(("up_to", "sessions"), [(0, 2), (-1, 2), (math.inf, 2), (math.nan, 2), (10, 1)])
def test_a_search_for_nothing_is_refused(up_to: float, sessions: int) -> None:
    """There must be an age to climb to, and two sessions, or there is no gap to divide."""
    with pytest.raises(ValueError, match="must be"):
        Search(up_to, sessions)
