"""What a test asks of a pool at its end: that it has come to rest, and that every session came back.

with pingpool.open(database) as pool:
the_code_under_test(pool)
settle(pool)
assert_no_leaks(pool)
"""

import gc
import time
from typing import Any

from pingpool.core.stats import Stats
from pingpool.pool.life import Life
from pingpool.threads.pool import PingingPool

BREATH = 0.001


def settle(pool: PingingPool[Any], timeout: float = 10) -> Stats:
    """Wait, in real time, until the pool is at work for none of its slots; return its state then.

    Raises:
        TimeoutError: it does not come to rest within `timeout` seconds, perhaps since a call to the database hangs.
    """
    until = time.monotonic() + timeout
    while at_work(stats := pool.stats()):
        if time.monotonic() > until:
            raise TimeoutError(f"{pool.name} is still at work after {timeout:g} s: {stats}")
        time.sleep(BREATH)
    return stats


def assert_no_leaks(pool: Life[Any, Any]) -> None:
    """Check that every session that was checked out has come back, and that none was ever dropped.

    Raises:
        AssertionError: it says how many are still in use, and how many were dropped.
    """
    gc.collect()
    stats = pool.stats()
    if stats.in_use or stats.leaked:
        raise AssertionError(f"{pool.name}: {stats.in_use} sessions are still in use, {stats.leaked} were dropped")


def at_work(stats: Stats) -> int:
    """Return for how many slots the workers have something to do."""
    return stats.creating + stats.checking + stats.resetting + stats.closing
