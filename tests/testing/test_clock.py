"""The clock that is told the time."""

import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import pingpool.testing
from pingpool.testing import Clock, FaultyDatabase
from pingpool.threads.clock import Gate
from pingpool.threads.gates import open_gate, shut_gate


def waiting(clock: Clock, gate: threading.Lock, timeout: float) -> Future[bool]:
    """Have a thread wait at the gate by the clock."""
    asked = threading.Event()

    class Observed:
        """A gate that says when somebody stands before it."""

        release = gate.release

        @staticmethod
        def acquire(blocking: bool = True, timeout: float = -1) -> bool:
            """Say so, and wait."""
            asked.set()
            return gate.acquire(blocking, timeout)

    threads = ThreadPoolExecutor(1)
    answer = threads.submit(clock.wait, Observed(), clock.now() + timeout)
    threads.shutdown(wait=False)
    assert asked.wait(10)
    return answer


def test_time_stands_still_until_it_is_told() -> None:
    """Between two steps the time stays the same."""
    clock = Clock(5)
    assert (clock.now(), clock.now()) == (5, 5)
    clock.advance(2.5)
    assert clock.now() == 7.5


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, -math.inf])
def test_time_never_goes_back(seconds: float) -> None:
    """A step that is no finite step forward is refused."""
    clock = Clock(5)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(seconds)
    assert clock.now() == 5


def test_a_wait_ends_when_its_time_was_told() -> None:
    """A waiter of five seconds goes on when they have passed, also in two steps, and knows that the gate is shut."""
    clock = Clock()
    answer = waiting(clock, shut_gate(), 5)
    clock.advance(4)
    assert not answer.done()
    clock.advance(1)
    assert answer.result(10) is False


def test_a_wait_ends_when_the_gate_opens() -> None:
    """An open gate is passed without any time going by."""
    clock = Clock()
    gate = shut_gate()
    answer = waiting(clock, gate, math.inf)
    open_gate(gate)
    assert answer.result(10) is True


def test_a_wait_of_no_time_is_a_look() -> None:
    """Until now, or a time that has passed, it is only seen whether the gate is open."""
    clock = Clock()
    gate = shut_gate()
    assert clock.wait(gate, clock.now()) is False
    assert clock.wait(gate, clock.now() - 1) is False
    open_gate(gate)
    assert clock.wait(gate, clock.now()) is True


class Hasty(Clock):
    """A clock that is told more just when the keeper is about to wait."""

    def wait(self, gate: Gate, until: float) -> bool:
        """Let it be that time before the wait begins."""
        if threading.current_thread().name == "pingpool-keeper":
            self.advance(max(0, until - self.now()))
        return super().wait(gate, until)


def test_a_time_told_before_the_wait_begins_is_not_waited_for() -> None:
    """The keeper looks when it is time, also if that was told between its question and its wait."""
    database = FaultyDatabase()
    with pingpool.testing.open(database, size=1, ping_interval=60, clock=Hasty()) as pool:
        pool.keep_alive()
        database.wait_for("ping", 3)


def test_everybody_wakes_in_their_own_time() -> None:
    """Each of many waiters goes on at its own time, not before."""
    clock = Clock()
    answers = [waiting(clock, shut_gate(), seconds) for seconds in (1, 2, 3)]
    for count in (1, 2, 3):
        clock.advance(1)
        assert answers[count - 1].result(10) is False
        assert [answer.done() for answer in answers].count(False) == 3 - count


def test_who_has_left_is_forgotten() -> None:
    """A gate that was passed stays shut when its time comes later."""
    clock = Clock()
    gate = shut_gate()
    answer = waiting(clock, gate, 5)
    open_gate(gate)
    assert answer.result(10)
    clock.advance(10)
    assert not gate.acquire(blocking=False)
