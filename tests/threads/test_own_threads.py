"""The pool's own threads: they outlive what is thrown into them, hang without harm, and go when nobody needs them."""

import _thread
import ctypes
import logging
import threading
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from pingpool import PingingPool, PoolClosed
from pingpool.testing import FakeSession, FaultyDatabase
from pingpool.threads import timers, workers
from pingpool.threads.own import OwnThread
from tests.threads.checks import PATIENCE, all_live, aside, bound, in_time, soon
from tests.threads.processes import run


class Thrown(BaseException):
    """What is thrown into a thread."""


def threads_of(pool: PingingPool[FakeSession], kind: str = "") -> list[threading.Thread]:
    """The threads that work for this pool."""
    return threads_named(f"{pool.name}-{kind}")


def threads_named(start: str) -> list[threading.Thread]:
    """The threads whose names begin like this."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(start)]


KEEPER = "pingpool-keeper"


@pytest.mark.parametrize("kind", [KEEPER, "{}-timers", "{}-worker"])
def test_an_exception_thrown_into_it_ends_no_thread(kind: str) -> None:
    """Whichever thread is interrupted, pings go on, calls are given up in time, and sessions are replaced."""
    database = FaultyDatabase()
    pool = bound(database, 2, ping_interval=0.05, io_timeout=0.2)
    pool.keep_alive()
    assert soon(lambda: threads_named(kind.format(pool.name)))
    for thread in threads_named(kind.format(pool.name)):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Thrown))
    database.calls.clear()
    assert soon(lambda: database.calls["ping"] >= 4)
    with database.hanging("ping"):
        assert soon(lambda: pool.stats().overran)
    all_live(pool)
    pool.close()


def test_a_thread_is_known_though_its_start_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has begun, but whoever started it was struck before he could note that: no second one begins beside it."""
    begin, begun = OwnThread.start, set[str]()

    def start(thread: OwnThread) -> None:
        begin(thread)
        if thread.name not in begun:
            begun.add(thread.name)
            raise KeyboardInterrupt

    monkeypatch.setattr(OwnThread, "start", start)
    pool: PingingPool[FakeSession] = PingingPool(2, 1, 30, workers=1, io_timeout=9)
    for step in (partial(pool.bind, FaultyDatabase()), pool.keep_alive):
        for _ in range(3):
            with suppress(KeyboardInterrupt):
                step()
    assert len(threads_named(KEEPER)) == len(threads_of(pool, "worker")) == len(threads_of(pool, "timers")) == 1
    pool.close()
    assert not threads_named(KEEPER)


def test_two_hundred_pools_are_kept_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is due no pool has a thread of its own; the one that keeps them all goes with the last."""
    for module in (timers, workers):
        monkeypatch.setattr(module, "LINGER", 0.01)
    pools = [bound(FaultyDatabase(), 1) for _ in range(200)]
    for pool in pools:
        pool.keep_alive()
    names = tuple(f"{pool.name}-" for pool in pools)
    assert soon(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith(names)])
    (keeper,) = threads_named(KEEPER)
    for pool in pools:
        assert keeper.is_alive()
        pool.close()
    assert not keeper.is_alive()


def test_a_ping_that_hangs_keeps_no_other_pool_waiting() -> None:
    """The thread that keeps both pools goes on with the other one."""
    slow, quick = FaultyDatabase(), FaultyDatabase()
    pools = [bound(slow, 1, ping_interval=0.05, io_timeout=60), bound(quick, 1, ping_interval=0.05)]
    with slow.hanging("ping"):
        for pool in pools:
            pool.keep_alive()
        assert soon(lambda: slow.calls["ping"] and quick.calls["ping"] >= 4)
    for pool in pools:
        pool.close()


def test_one_worker_that_hangs_for_good_is_replaced() -> None:
    """A pool with a single worker goes on serving while that one hangs in the driver."""
    database = FaultyDatabase()
    pool = bound(database, 1, workers=1, io_timeout=0.1, ping_interval=1e-6)
    with database.hanging("ping", times=1):
        aside(pool.ping)
        assert soon(lambda: pool.stats().overran)
        pool.put(pool.get(PATIENCE))
    pool.close()


def test_the_log_says_when_every_substitute_hangs_too(caplog: pytest.LogCaptureFixture) -> None:
    """At twice `workers` no more are started, and a warning says what that means."""
    database = FaultyDatabase()
    pool = bound(database, 1, workers=1, io_timeout=0.05)
    session = pool.get()
    with ExitStack() as hanging:
        for call in ("create", "delete"):
            hanging.enter_context(database.hanging(call))
        pool.give_back(session, SystemExit())
        assert soon(lambda: "hang in the database's driver" in caplog.text)
        assert len(threads_of(pool, "worker")) == 2
    all_live(pool)
    pool.close()


@pytest.mark.parametrize("kept", [False, True])
def test_a_closed_pool_has_no_thread(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`close` waits for the pool's threads to end, which they do at once, though each would linger for an hour."""
    monkeypatch.setattr("pingpool.threads.workers.LINGER", 3600)
    monkeypatch.setattr("pingpool.threads.timers.LINGER", 3600)
    for _ in range(100):
        pool = bound(FaultyDatabase(), 2, ping_interval=1e-6)
        if kept:
            pool.keep_alive()
        pool.ping()
        assert threads_of(pool)
        in_time(lambda pool=pool: pool.close(3600))
        assert not threads_of(pool)


def test_no_pause_keeps_a_thread_of_a_closed_pool() -> None:
    """A pool that is closed in the middle of a pause between two attempts to create ends with all its threads."""
    database = FaultyDatabase()
    pool = bound(database, 1)
    session = pool.get()
    database.fail("create")
    pool.give_back(session, SystemExit())
    assert soon(lambda: pool.stats().create_failures >= 3)
    in_time(lambda: pool.close(3600))
    assert not threads_of(pool)


def test_close_waits_for_no_worker_that_hangs() -> None:
    """Who hangs in the driver, and was given up, is not waited for; nor is whoever closes the pool himself."""
    database = FaultyDatabase()
    pool = bound(database, 1, io_timeout=0.1, ping_interval=1e-6)
    with database.hanging("ping", times=1):
        aside(pool.ping)
        assert soon(lambda: pool.stats().overran)
        pool._desk.timers.soon(lambda: pool.close(3600))
        in_time(lambda: pool.close(3600))
        assert len(threads_of(pool, "worker")) == 1
    assert soon(lambda: not threads_of(pool))


def test_a_dropped_pool_keeps_no_thread() -> None:
    """The threads of a pool that nobody holds any more go, though nobody closed it."""
    pool = bound(FaultyDatabase(), 2)
    pool.keep_alive()
    name = pool.name
    with pytest.warns(ResourceWarning, match="dropped without being closed"):
        del pool
    assert soon(lambda: not any(thread.name.startswith(f"{name}-") for thread in threading.enumerate()))


def test_a_session_that_comes_back_to_a_closed_pool_is_ended() -> None:
    """Workers that have gone are had again for what was still lent."""
    database = FaultyDatabase()
    pool = bound(database, 1)
    session = pool.get()
    pool.close()
    assert soon(lambda: not threads_of(pool))
    pool.put(session)
    assert soon(lambda: session.is_deleted)
    assert soon(lambda: not threads_of(pool))


@pytest.mark.parametrize("who", ["thread", "executor"])
def test_the_end_of_the_process_waits_for_no_waiter(who: str) -> None:
    """A thread that is no daemon, or a worker of an executor, is told `PoolClosed` when the main thread has ended."""
    outcome = run("leave_waiting", who)
    assert outcome.status == 0, outcome.errors
    assert PoolClosed.__name__ in outcome.output


def test_a_program_whose_main_thread_has_ended_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Threads that share one session, each holding it for longer than a patrol, all get it: nobody is stuck."""
    outcome = run("main_ended")
    assert outcome.status == 0, outcome.errors
    assert outcome.output.split() == ["9"]


def test_a_log_that_is_broken_ends_no_thread_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that is thrown into a thread, while its log raises too, is outlived all the same."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ValueError("the log is broken")

    database = FaultyDatabase()
    pool = bound(database, 1, ping_interval=0.05)
    pool.keep_alive()
    broken = Broken()
    logging.getLogger("pingpool").addHandler(broken)
    try:
        (keeper,) = threads_named(KEEPER)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(keeper.ident or 0), ctypes.py_object(Thrown))
        database.calls.clear()
        assert soon(lambda: database.calls["ping"] >= 3)
        assert keeper.is_alive()
    finally:
        logging.getLogger("pingpool").removeHandler(broken)
    pool.close()


def test_get_needs_no_caller_in_python() -> None:
    """A thread, or a greenlet, whose whole work is `get`, has no Python frame that called it."""
    pool = bound(FaultyDatabase(), 1)
    _thread.start_new_thread(pool.get, ())
    assert soon(lambda: pool.stats().immediate == 1)
    pool.close()


def test_a_signal_handler_may_bind_in_the_middle_of_a_bind() -> None:
    """The lock of `bind` is re-entrant: who strikes the thread that holds it does not wait for himself."""
    pool: PingingPool[FakeSession] = PingingPool(1)
    with pool._binding.lock:
        pool.bind(FaultyDatabase())
    assert pool.stats().idle == 1
    pool.close()


def test_a_sub_interpreter_may_be_destroyed_as_soon_as_the_pool_is_closed() -> None:
    """`close` has waited for the pool's threads: where one is left, CPython refuses, or ends the process."""
    outcome = run("sub_interpreters", "20")
    assert outcome.status == 0, outcome.errors
    assert outcome.output.split() == ["destroyed", "20"]
