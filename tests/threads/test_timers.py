"""The timers of a pool, set by hand: what strikes in the middle of a change loses none of them."""

from collections.abc import Callable

import pytest

from pingpool.testing import Clock
from pingpool.threads.own import OwnThreads
from pingpool.threads.timers import FEW, Timer, Timers


class Struck(Timer):
    """A cancelled timer; whoever looks at it is struck by a signal handler, or a finaliser, once."""

    __slots__ = ("handler",)

    def __init__(self, handler: Callable[[], object]) -> None:
        """Do that."""
        super().__init__(handler)
        self.handler: Callable[[], object] | None = handler

    @property
    def call(self) -> None:
        """Nothing is to be called."""
        handler, self.handler = self.handler, None
        if handler is not None:
            handler()

    @call.setter
    def call(self, call: Callable[[], object] | None) -> None: ...


def by_hand(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Return timers whose thread never begins."""
    monkeypatch.setattr(Timers, "_has_thread", lambda _: True)
    return Timers("pool-1", Clock(0), OwnThreads())


@pytest.mark.parametrize("place", [1, FEW // 2, FEW - 1])
def test_a_timer_that_is_set_in_the_midst_of_a_sweep_is_called(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """A signal handler that gives a session back while cancelled timers are swept out has it given back."""
    timers, calls = by_hand(monkeypatch), list[str]()
    timers.at(1.0, lambda: calls.append("at one"))
    for each in range(1, FEW):
        timer = timers.at(1.0 + each, calls.clear)
        if each == place:
            timers._timers[-1] = (*timers._timers[-1][:2], Struck(lambda: timers.soon(lambda: calls.append("soon"))))
        else:
            timers.cancel(timer)
    timers.at(200.0, calls.clear)
    timers.at(100.0, calls.clear)
    timers._call_due()
    assert calls == ["soon"]
    assert timers._timers[0][0] == 1
    assert len(timers._timers) < FEW / 2
