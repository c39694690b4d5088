"""Waiters are served strictly in the order in which they came, by hand-over; nobody overtakes and nobody starves."""

import threading
import time
from collections import Counter

import pytest

from pingpool import PoolTimeout
from pingpool.testing import FakeSession, FaultyDatabase
from tests.threads.checks import all_live, aside, bound, in_time, soon

pytestmark = pytest.mark.timeout(60)

CALLERS = 64


def test_64_threads_are_served_in_the_order_in_which_they_came() -> None:
    """Each comes when the one before stands in line; all are served in that order, though newcomers press."""
    pool = bound(FaultyDatabase(), 1)
    held = [pool.get()]
    served: list[int] = []

    def use(number: int) -> None:
        session = pool.get(30)
        served.append(number)
        pool.put(session)

    threads: list[threading.Thread] = []
    for number in range(CALLERS):
        threads.append(aside(lambda number=number: use(number)))
        assert soon(lambda number=number: pool.stats().waiting == number + 1)
    pool.put(held.pop())
    for thread in threads:
        thread.join(10)
    assert served == list(range(CALLERS))
    pool.close(1)


def test_a_newcomer_never_takes_what_belongs_to_a_waiter() -> None:
    """The thread that gives a session back and asks again at once stands behind everybody who waited."""
    pool = bound(FaultyDatabase(), 1)
    session = pool.get()
    got: list[FakeSession] = []
    waiting = aside(lambda: got.append(pool.get(10)))
    assert soon(lambda: pool.stats().waiting)
    pool.put(session)
    with pytest.raises(PoolTimeout):
        pool.get(0)
    waiting.join(5)
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
        thread.join(20)
        assert not thread.is_alive()
    assert counts["timed out"]
    assert counts["served"]
    all_live(pool)
    pool.close(1)


def test_no_thread_starves() -> None:
    """With no pause between put and get, each of 16 threads gets its share of 4 sessions."""
    pool = bound(FaultyDatabase(), 4)
    turns = [0] * 16
    start = threading.Barrier(16)
    end = time.monotonic() + 1.5

    def use(number: int) -> None:
        start.wait()
        while time.monotonic() < end:
            with pool.session(10):
                time.sleep(0.00005)
            turns[number] += 1

    threads = [aside(lambda number=number: use(number)) for number in range(16)]
    for thread in threads:
        thread.join(20)
    assert max(turns) / max(1, min(turns)) < 1.25, turns
    in_time(lambda: pool.close(1))
