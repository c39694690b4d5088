"""Where the process can start no thread, by a real limit: nothing hangs, nothing is lost, and all is well afterwards.

Usage: no_threads.py start|midlife|close|fork
"""

import contextlib
import inspect
import logging
import os
import resource
import sys
import time
from collections.abc import Generator

import pingpool
from pingpool.testing import FakeSession, FaultyDatabase

LATE = (inspect, logging)  # what the pool imports later, which another user may not be able to read
logging.disable()
_, HARD = resource.getrlimit(resource.RLIMIT_NPROC)


@contextlib.contextmanager
def no_threads() -> Generator[None]:
    """Let no thread be started: the limit counts for everybody but root."""
    resource.setrlimit(resource.RLIMIT_NPROC, (0, HARD))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (HARD, HARD))


PATIENCE = 30.0
"""Seconds after which something counts as hung, however busy the machine."""


def in_time(what: str, started_at: float) -> None:
    """Check that this came to an end, long after its time as it may be."""
    took = time.monotonic() - started_at
    assert took < PATIENCE, f"{what} took {took:.1f} s"


def all_can_be_had(pool: pingpool.PingingPool[FakeSession]) -> None:
    """Check that every slot serves."""
    sessions = [pool.get(PATIENCE) for _ in range(pool.size)]
    for session in sessions:
        session.use()
        pool.put(session)


def start() -> None:
    """`open` says why it cannot, at once; the next one can."""
    database = FaultyDatabase()
    with no_threads():
        began = time.monotonic()
        reason = None
        try:
            pingpool.open(database, size=2, io_timeout=1)
        except pingpool.CannotFill as error:
            reason = error.__cause__
        assert isinstance(reason, RuntimeError), reason
        in_time("open", began)
    with pingpool.open(database, size=2) as pool:
        all_can_be_had(pool)


def midlife() -> None:
    """Waiters keep their time, and the pool is whole soon after threads can be started again."""
    database = FaultyDatabase()
    with pingpool.open(database, size=2, ping_interval=0.2, io_timeout=1) as pool:
        time.sleep(6)  # the workers linger for five seconds
        with no_threads():
            for session in [pool.get(), pool.get()]:
                database.kill(session)
                pool.give_back(session, pingpool.testing.SessionDied())
            del session
            began = time.monotonic()
            with contextlib.suppress(pingpool.PoolTimeout):
                pool.get(0.5)
            in_time("get(0.5)", began)
        began = time.monotonic()
        pool.put(pool.get(2 * PATIENCE))
        in_time("get() after that", began)
        all_can_be_had(pool)


def close() -> None:
    """`close` keeps its time, and what could not be ended without a thread is ended with one."""
    database = FaultyDatabase()
    pool = pingpool.open(database, size=3, ping_interval=0.2)
    time.sleep(6)
    with no_threads():
        began = time.monotonic()
        pool.close(0.5)
        in_time("close(0.5)", began)
    pool.close(PATIENCE)
    assert database.live == [], database.live


def fork() -> None:
    """A child that can start no thread fails its `get` in time, and works once it can."""
    with pingpool.open(FaultyDatabase(), size=2) as pool:
        child = os.fork()
        if not child:
            with no_threads():
                began = time.monotonic()
                with contextlib.suppress(pingpool.PoolTimeout):
                    pool.get(0.5)
                in_time("the child's get(0.5)", began)
            all_can_be_had(pool)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    if os.getuid() == 0:
        os.setuid(65534)
    {"start": start, "midlife": midlife, "close": close, "fork": fork}[sys.argv[1]]()
