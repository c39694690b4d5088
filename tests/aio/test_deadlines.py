"""When tasks give up that wait in a loop."""

import gc
import weakref

import pytest

from pingpool.aio.deadlines import Deadlines
from pingpool.aio.gates import AsyncWaiter
from pingpool.core.uses import use_of_nobody
from pingpool.testing import FakeSession


class Waiting(AsyncWaiter):
    """Somebody in line, who notes that he was woken."""

    def __init__(self, until: float) -> None:
        """Wait until that time."""
        super().__init__(use_of_nobody(0))
        self.until = until
        self.is_woken = False

    def wake(self) -> None:
        """Note it."""
        self.is_woken = True


def test_only_those_are_woken_whose_time_is_up() -> None:
    """In whatever order they came: the next time is that of the soonest who is left."""
    deadlines = Deadlines()
    waiting = [Waiting(until) for until in (3.0, 1.0, 2.0)]
    for each in waiting:
        deadlines.enter(each)
    assert deadlines.next_at() == 1
    deadlines.wake_due(2.5)
    assert [each.is_woken for each in waiting] == [False, True, True]
    assert deadlines.next_at() == 3


@pytest.mark.parametrize("is_first", [True, False])
def test_nobody_is_kept_alive(is_first: bool) -> None:
    """Who is collected with the session that he was given leaves it to the pool, wherever his entry stands."""
    deadlines = Deadlines()
    other = Waiting(5.0)
    deadlines.enter(other)
    served = Waiting(1.0 if is_first else 9.0)
    served.session = FakeSession(1, {})
    given = weakref.ref(served.session)
    deadlines.enter(served)
    del served
    gc.collect()
    assert given() is None
    deadlines.wake_due(0.5)
    assert deadlines.next_at() == 5


def test_who_was_served_leaves_nothing_to_look_for() -> None:
    """Once nobody waits there is no next time, though none has passed."""
    deadlines = Deadlines()
    served = Waiting(1.0)
    deadlines.enter(served)
    assert deadlines.next_at() == 1
    served.session = FakeSession(1, {})
    deadlines.wake_due(0.5)
    assert deadlines.next_at() is None


class Struck(Waiting):
    """Somebody in line whose first wake-up is struck by a Ctrl-C."""

    is_struck = False

    def wake(self) -> None:
        """Be woken by the second."""
        if not self.is_struck:
            self.is_struck = True
            raise KeyboardInterrupt
        super().wake()


def test_who_was_about_to_be_woken_when_ctrl_c_came_is_woken_by_the_next_look() -> None:
    """A loop that goes on afterwards owes him an answer still."""
    deadlines, struck = Deadlines(), Struck(1.0)
    deadlines.enter(struck)
    with pytest.raises(KeyboardInterrupt):
        deadlines.wake_due(1.0)
    deadlines.wake_due(1.0)
    assert struck.is_woken
    assert deadlines.next_at() is None
