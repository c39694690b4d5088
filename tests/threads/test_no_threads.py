"""No thread to be had: a call that nobody can make is a failed job, with that error as its cause."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from pingpool import CannotFill, PoolTimeout
from pingpool.testing import FaultyDatabase, SessionDied, TransactionalDatabase
from tests.threads.checks import all_live, bound, in_time, soon
from tests.threads.processes import run


@contextmanager
def refused_threads(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Let this process start no thread that belongs to a pool."""
    real = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("pool-"):
            raise RuntimeError("can't start new thread")
        real(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


def test_bind_says_that_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bind` fails at once with the error as its cause, and leaves a pool that can be bound anew."""
    database = FaultyDatabase()
    with refused_threads(monkeypatch), pytest.raises(CannotFill) as caught:
        bound(database)
    assert isinstance(caught.value.__cause__, RuntimeError)
    pool = bound(database)
    all_live(pool)
    pool.close()


def test_a_waiter_keeps_its_time_and_drives_the_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any thread a waiter gets its time-out, with the reason; once there are threads it gets a session."""
    database = FaultyDatabase()
    pool = bound(database, 1)
    pool.close(1)
    pool = bound(database, 1)
    monkeypatch.setattr("pingpool.threads.workers.LINGER", 0.01)
    session = pool.get()
    assert soon(lambda: not any("worker" in thread.name for thread in threading.enumerate()))
    with refused_threads(monkeypatch):
        database.kill(session)
        pool.give_back(session, SessionDied())
        with pytest.raises(PoolTimeout) as caught:
            in_time(lambda: pool.get(0.3))
        assert isinstance(caught.value.__cause__, RuntimeError)
    all_live(pool)
    pool.close()


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt()])
def test_what_cannot_be_reset_or_ended_now_is_ended_later(
    monkeypatch: pytest.MonkeyPatch, ending: BaseException | None
) -> None:
    """A session that was left open, or tainted, is ended once a thread can be had, and its slot is filled anew."""
    database = TransactionalDatabase()
    pool = bound(database, 2)
    monkeypatch.setattr("pingpool.threads.workers.LINGER", 0.01)
    session = pool.get()
    assert soon(lambda: not any("worker" in thread.name for thread in threading.enumerate()))
    with refused_threads(monkeypatch):
        session.left_open = True
        pool.give_back(session, ending)
    all_live(pool)
    assert soon(lambda: session.is_deleted)
    pool.close()


@pytest.mark.parametrize("when", ["start", "midlife", "close", "fork"])
def test_a_process_that_may_start_no_thread(when: str) -> None:
    """With a real limit of the system, at each time of a pool's life, nothing hangs and nothing is lost."""
    outcome = run("no_threads", when)
    assert outcome.status == 0, outcome.errors
