"""Nothing grows with time: no waiter, timer, ref or job stays behind."""

import gc

import pytest

from pingpool import PoolTimeout
from pingpool.testing import FaultyDatabase, TransactionalDatabase
from tests.threads.checks import PATIENCE, all_live, bound, in_time

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def objects() -> int:
    """Count what is alive of the pool's own kinds of things."""
    gc.collect()
    ours = ("pingpool.core", "pingpool.pool", "pingpool.threads")
    return sum(str(type(thing).__module__).startswith(ours) for thing in gc.get_objects())


@pytest.mark.timeout(12 * PATIENCE)
@pytest.mark.parametrize("times", [5_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_time_outs_leave_nothing_behind(times: int) -> None:
    """Callers that got nothing leave nothing behind, not even 100,000 of them."""
    pool = bound(FaultyDatabase(), 1)
    session = pool.get()

    def give_up(calls: int) -> None:
        for _ in range(calls):
            try:
                pool.get(0)
            except PoolTimeout:
                continue

    give_up(100)
    before = objects()
    in_time(lambda: give_up(times), 10 * PATIENCE)
    assert objects() - before < 20
    pool.put(session)
    all_live(pool)
    pool.close(1)


@pytest.mark.timeout(12 * PATIENCE)
@pytest.mark.parametrize("times", [3_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_jobs_leave_nothing_behind(times: int) -> None:
    """Resets, checks and replacements leave no timer, job, ref or thread behind, not even 100,000 of them."""
    database = TransactionalDatabase()
    pool = bound(database, 2, ping_interval=1e-6, io_timeout=60)

    def work(uses: int) -> None:
        for number in range(uses):
            session = pool.get(PATIENCE)
            session.left_open = True
            if number % 10 == 0:
                del session
            else:
                pool.give_back(session, SystemExit() if number % 7 == 0 else None)

    in_time(lambda: work(200))
    before = objects()
    database.calls.clear()
    in_time(lambda: work(times), 10 * PATIENCE)
    all_live(pool)
    assert sum(database.calls.values()) > 2 * times
    assert objects() - before < 20
    pool.close(1)
