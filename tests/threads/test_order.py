"""Waiters are served strictly in the order in which they came, by hand-over; nobody overtakes and nobody starves."""

import threading
import time
from collections import Counter

import pytest

from pingpool import PoolTimeout
from pingpool.testing import FakeSession, FaultyDatabase
from tests.threads.checks import PATIENCE, all_live, aside, bound, in_time, soon

CALLERS = 64


def test_64_threads_are_served_in_the_order_in_which_they_came() -> None:
    """Each comes when the one before stands in line; all are served in that order, though newcomers press."""
    pool = bound(FaultyDatabase(), 1)
    held = [pool.get()]
    served: list[int] = []

    def use(number: int) -> None:
        session = pool.get(PATIENCE)
        served.append(number)
        pool.put(session)

    threads: list[threading.Thread] = []
    for number in range(CALLERS):
        threads.append(aside(lambda number=number: use(number)))
        assert soon(lambda number=number: pool.stats().waiting == number + 1)
    pool.put(held.pop())
    for thread in threads:
        thread.join(PATIENCE)
    assert served == list(range(CALLERS))
    pool.close(1)


def test_a_newcomer_never_takes_what_belongs_to_a_waiter() -> None:
    """The thread that gives a session back and asks again at once stands behind everybody who waited."""
    pool = bound(FaultyDatabase(), 1)
    session = pool.get()
    got: list[FakeSession] = []
    waiting = aside(lambda: got.append(pool.get(PATIENCE)))
    assert soon(lambda: pool.stats().waiting)
    pool.put(session)
    with pytest.raises(PoolTimeout):
        pool.get(0)
    waiting.join(PATIENCE)
    assert got == [session]
    pool.put(session)
    pool.close(1)


def test_a_session_given_to_a_waiter_whose_time_is_up_goes_to_the_next() -> None:
    """Hand-overs that meet a time-out lose nothing, thousands of times."""
    pool = bound(FaultyDatabase(), 1)
    end = time.monotonic() + 1.5
    counts: Counter[str] = Counter()

    def use(timeout: float) -> None:
        while time.monotonic() < end:
            try:
                session = pool.get(timeout)
            except PoolTimeout:
                counts["timed out"] += 1
            else:
                session.use()
                time.sleep(0.0002)
                pool.put(session)
                counts["served"] += 1

    threads = [aside(lambda number=number: use(number * 0.0002)) for number in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert counts["timed out"]
    assert counts["served"]
    all_live(pool)
    pool.close(1)


def test_no_thread_starves() -> None:
    """With no pause between put and get, 16 threads have their turns with 4 sessions one after the other."""
    pool = bound(FaultyDatabase(), 4)
    served: list[int] = []
    may_go_on = [threading.Semaphore(0) for _ in range(16)]
    over = False

    def use(number: int) -> None:
        while not over:
            session = pool.get(PATIENCE)
            served.append(number)
            may_go_on[number].acquire()
            pool.put(session)

    threads = [aside(lambda number=number: use(number)) for number in range(16)]
    for turn in range(160):
        assert soon(lambda turn=turn: len(served) == turn + 4 and pool.stats().waiting == 12)
        may_go_on[served[turn]].release()
    over = True
    for gate in may_go_on:
        gate.release(2)
    for thread in threads:
        thread.join(PATIENCE)
    assert served[16:160] == served[:144]
    in_time(lambda: pool.close(1))
