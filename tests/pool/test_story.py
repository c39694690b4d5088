"""What the log says of single events, where no scene is needed; the scenes are in `tests/contract/test_log.py`."""

import pytest

from pingpool.core.orders import LimitFound
from pingpool.core.told import Lent, Made, NotMade, Overran, Recovered, Replaced, Told
from pingpool.errors import DeadOnArrival
from pingpool.pool.story import Level, Line, Story


def said_of(*events: Told) -> list[Line]:
    """Return what is said of these, one after the other, in a pool of four."""
    story = Story(4)
    return [line for event in events for line in story.hear(event)]


def test_of_each_use_nothing_is_said() -> None:
    """A log that grew with every checkout would be read by nobody."""
    assert said_of(Lent(0.0, 0.1)) == []


def test_a_failure_without_an_error_is_told_all_the_same() -> None:
    """A database may fail without a word."""
    assert said_of(NotMade(0.0, None, 3)) == [
        Line(Level.WARNING, "cannot open sessions: nothing tells why (3 of 4 open)")
    ]


def test_a_trouble_that_comes_again_is_told_at_once() -> None:
    """What is over was another one, even within the same minute."""
    failure = NotMade(0.0, OSError("gone"), 0)
    lines = said_of(failure, failure._replace(at=1.0), Recovered(2.0), failure._replace(at=3.0))
    assert [line.level for line in lines] == [Level.WARNING, Level.DEBUG, Level.INFO, Level.WARNING]


def test_sessions_that_die_at_once_are_not_told_as_open() -> None:
    """They could be opened, and how many seem to be open tells nothing of how many can be used."""
    death = DeadOnArrival("a new session was dead")
    death.__cause__ = OSError("the server is starting up")
    again = NotMade(61.0, DeadOnArrival("a new session was dead"), 4)
    assert [line.text for line in said_of(NotMade(0.0, death, 4), again)] == [
        "new sessions die at once: OSError: the server is starting up",
        "they still die at once, for 61 s, 2 attempts: nothing tells why",
    ]


def test_calls_that_take_too_long_are_counted() -> None:
    """While they keep coming, a line a minute says how many there were."""
    lines = said_of(*(Overran(when, "too long") for when in (0.0, 30.0, 59.0, 61.0, 200.0)))
    assert [line.text for line in lines if line.level is Level.WARNING] == [
        "too long",
        "too long for 61 s, 4 calls",
        "too long",
    ]


@pytest.mark.parametrize("why", ["cleared", "closed", "dropped", "overran"])
def test_what_another_line_tells_is_not_said_twice(why: str) -> None:
    """A session that ends for good, or whose end is a warning, has no line of its own beside that."""
    assert said_of(Replaced(0.0, why, 1.0, 1.0, 0.0)) == []


@pytest.mark.parametrize(("interval", "level"), [(300.0, Level.WARNING), (240.0, Level.INFO)])
def test_an_interval_that_is_too_long_is_a_warning(interval: float, level: Level) -> None:
    """One that is short enough has been learned, which is good to know."""
    [line] = said_of(LimitFound(300.0, interval))
    assert line.level is level


def test_only_the_first_session_of_a_kind_without_weak_references_is_told() -> None:
    """The others are of the same kind."""
    made = Made(0.0, 0.0, 1, int, is_missed=False)
    assert [line.level for line in said_of(made, made)] == [Level.INFO, Level.DEBUG, Level.DEBUG]
