"""What comes next, among many things of which some do not count any more, and whoever strikes in the middle."""

import heapq
import random
from collections.abc import Callable

import pytest

from pingpool.agenda import FEW, Agenda


class Due:
    """Something that counts until it is done; the first look at it may be struck."""

    def __init__(self, strike: Callable[[], object] | None = None) -> None:
        """It is not done."""
        self.is_done = False
        self.strike = strike

    def counts(self) -> bool:
        """Say so; be struck before."""
        strike, self.strike = self.strike, None
        if strike is not None:
            strike()
        return not self.is_done


def empty() -> Agenda[Due]:
    """Return an agenda on which nothing stands."""
    return Agenda(lambda _, due: due.counts())


def times_of(agenda: Agenda[Due]) -> list[float]:
    """Return when things come, one after the other, until nothing does."""
    times = []
    while (first := agenda.first()) is not None:
        times.append(first[0])
        agenda.drop(first)
    return times


def test_things_come_in_the_order_of_their_times() -> None:
    """In whatever order they were entered; those of one time in the order in which they were."""
    chance, agenda = random.Random(1), empty()
    times = [float(chance.randrange(100)) for _ in range(1000)]
    things = [Due() for _ in times]
    for when, thing in zip(times, things, strict=True):
        agenda.enter(when, thing)
    in_order = [thing for _, thing in sorted(zip(times, things, strict=True), key=lambda each: each[0])]
    assert list(agenda.in_order()) == in_order
    assert times_of(agenda) == sorted(times)


def test_what_does_not_count_any_more_does_not_come() -> None:
    """It is passed over, wherever it stands."""
    agenda, things = empty(), [Due() for _ in range(50)]
    for when, thing in enumerate(things):
        agenda.enter(float(when), thing)
    for thing in (*things[:10], *things[20:30], things[-1]):
        thing.is_done = True
    rest = [*range(10, 20), *range(30, 49)]
    assert list(agenda.in_order()) == [things[place] for place in rest]
    assert times_of(agenda) == rest


def test_little_is_kept_of_what_does_not_count_any_more() -> None:
    """However many things come and are done while one is still to come."""
    agenda = empty()
    agenda.enter(1.0, Due())
    for _ in range(100 * FEW):
        thing = Due()
        agenda.enter(9.0, thing)
        thing.is_done = True
        assert len(agenda) <= FEW
    assert times_of(agenda) == [1]


def with_strike_in_sweep(place: int, strike: Callable[[Agenda[Due]], object]) -> Agenda[Due]:
    """Return a full agenda, with one thing to come at 0: the look at that place by the next sweep is struck."""
    agenda = empty()
    agenda.enter(0.0, Due())
    for each in range(1, FEW):
        thing = Due(lambda: strike(agenda)) if each == place else Due()
        thing.is_done = True
        agenda.enter(float(each), thing)
    return agenda


@pytest.mark.parametrize("place", [1, FEW // 2, FEW - 1])
def test_what_is_entered_in_the_midst_of_a_sweep_comes(place: int) -> None:
    """A signal handler or a finaliser enters something while what does not count is swept out."""
    agenda = with_strike_in_sweep(place, lambda agenda: agenda.enter(-1.0, Due()))
    agenda.enter(200.0, Due())
    agenda.enter(100.0, Due())
    assert len(agenda) < FEW / 2
    assert times_of(agenda) == [-1, 0, 100, 200]


def test_what_came_in_the_midst_of_a_sweep_does_not_come_again() -> None:
    """A signal handler that takes what is next takes it for good."""
    taken: list[float] = []

    def take(agenda: Agenda[Due]) -> None:
        first = agenda.first()
        assert first is not None
        taken.append(first[0])
        agenda.drop(first)

    agenda = with_strike_in_sweep(FEW - 1, take)
    agenda.enter(100.0, Due())
    assert (taken, times_of(agenda)) == ([0], [100])


def test_a_sweep_that_ctrl_c_cuts_short_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to come still does, in order; what was about to be entered is not."""
    agenda = with_strike_in_sweep(0, lambda _: None)

    def strike(heap: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as struck:
        struck.setattr(heapq, "heapify", strike)
        with pytest.raises(KeyboardInterrupt):
            agenda.enter(50.0, Due())
    agenda.enter(60.0, Due())
    assert times_of(agenda) == [0, 60]


def test_what_is_entered_in_front_in_the_midst_of_a_look_is_not_thrown_away() -> None:
    """A look at the first, which does not count any more, is struck by who enters something before it."""
    agenda = empty()
    gone = Due(lambda: agenda.enter(-1.0, Due()))
    gone.is_done = True
    agenda.enter(0.0, gone)
    agenda.enter(1.0, Due())
    assert times_of(agenda) == [-1, 1]
