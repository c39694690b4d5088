"""What the tests here share: pools to attack, calls that may hang, and the question whether all slots are live."""

import faulthandler
import gc
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from pingpool import CannotFill, PingingPool
from pingpool.errors import Overrun
from pingpool.testing import Clock, FakeSession, FaultyDatabase, equip

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which something counts as hung; only a test that fails takes so long, however busy the machine."""

Pool = PingingPool[FakeSession]


class Hung(AssertionError):
    """A call did not end in time; every stack is on stderr."""


def bound(database: FaultyDatabase, size: int = 2, clock: Clock | None = None, **options: Any) -> Pool:
    """Return a pool that is filled from the database; it lives by the clock, if one is given.

    On a busy machine even a quick call may overrun a short `io_timeout`; then the fill is tried again.
    """
    pool: Pool = equip(PingingPool(size, **options), clock=clock)
    while True:
        try:
            pool.bind(database)
            return pool
        except CannotFill as error:
            if not isinstance(error.__cause__, Overrun):
                raise


def aside(call: Callable[[], object]) -> threading.Thread:
    """Make the call in a daemon thread of its own, and go on."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def in_time(call: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Make the call in a thread of its own, and return or raise what it does; fail if that takes longer."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = aside(run)
    thread.join(seconds)
    if thread.is_alive():
        faulthandler.dump_traceback(all_threads=True)
        raise Hung(f"{call} did not end within {seconds} s")
    if errors:
        raise errors.pop()
    return results.pop()


def soon(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Look, in real time, until the condition holds; return whether it came to that."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.0005)
    return True


@contextmanager
def quick_collections() -> Generator[None]:
    """Let the garbage collector look only at what is made from now on: the tests' own objects are many."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def all_live(pool: Pool, seconds: float = PATIENCE / 3) -> None:
    """Check that the pool lends as many living sessions as it has slots, takes them all back, and is idle then."""
    gc.collect()
    in_time(lambda: _lend_all(pool, seconds))
    assert soon(lambda: pool.stats().idle == pool.size), pool


def _lend_all(pool: Pool, seconds: float) -> None:
    sessions = [pool.get(seconds) for _ in range(pool.size)]
    assert len({session.use() for session in sessions}) == pool.size
    for session in sessions:
        pool.put(session)
