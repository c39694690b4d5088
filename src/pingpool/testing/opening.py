"""Opens a pool for a test."""

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from pingpool.core.slot import Slot
from pingpool.database import Database
from pingpool.opening import opened, usual_for
from pingpool.options import PoolOptions
from pingpool.pool.life import equip
from pingpool.testing.clock import Clock
from pingpool.threads.pool import PingingPool

S = TypeVar("S")


def open(
    database: Database[S],
    *,
    clock: Clock | None = None,
    slots: Callable[[], Slot] | None = None,
    wait_for: int | None = None,
    **options: Unpack[PoolOptions],
) -> PingingPool[S]:
    """Return a pool as `pingpool.open` does, with the clock and the slots that are given.

    Unless told otherwise it waits until all sessions are open: a test finds the same pool each time.
    """
    pool: PingingPool[Any] = equip(PingingPool(**usual_for(database, options)), clock=clock, slots=slots)
    return opened(pool, database, wait_for)
