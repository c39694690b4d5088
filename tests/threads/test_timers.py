"""The timers of a pool, set by hand, without their thread."""

import math

import pytest

from pingpool.testing import Clock
from pingpool.threads.own import OwnThreads
from pingpool.threads.timers import Timers


def by_hand(monkeypatch: pytest.MonkeyPatch) -> tuple[Timers, Clock]:
    """Return timers whose thread never begins, and the clock they go by."""
    monkeypatch.setattr(Timers, "_has_thread", lambda _: True)
    clock = Clock(0)
    return Timers("pool-1", clock, OwnThreads()), clock


def test_each_is_called_once_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it was cancelled, or all are that would call the same."""
    timers, clock = by_hand(monkeypatch)
    calls: list[str] = []
    timers.at(2.0, lambda: calls.append("second"))
    timers.at(1.0, lambda: calls.append("first"))
    timers.cancel(timers.at(0.5, calls.clear))
    timers.at(0.6, calls.clear)
    timers.at(0.7, calls.clear)
    timers.forget(calls.clear)
    assert (timers._call_due(), calls) == (1, [])
    clock.advance(1.5)
    assert (timers._call_due(), calls) == (2, ["first"])
    clock.advance(1.5)
    assert (timers._call_due(), calls) == (math.inf, ["first", "second"])


def test_a_timer_that_a_call_sets_is_called_by_the_same_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is due by then."""
    timers, _ = by_hand(monkeypatch)
    calls: list[str] = []
    timers.soon(lambda: timers.soon(lambda: calls.append("set by a call")))
    timers._call_due()
    assert calls == ["set by a call"]
