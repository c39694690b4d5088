"""Use an inherited pool in processes that `multiprocessing` forks."""

import multiprocessing
import sys
import warnings

from scene import all_live, bound

from pingpool.testing import FaultyDatabase

warnings.simplefilter("ignore")
database = FaultyDatabase()
pool = bound(database, 2)


def work(number: int) -> int:
    """Use the pool in a child."""
    with pool.session(5) as session:
        session.use()
    return number * number


context = multiprocessing.get_context("fork")
with context.Pool(2) as workers:
    assert workers.map(work, range(20)) == [number * number for number in range(20)]
all_live(pool)
pool.close(1)
sys.exit(0)
