"""The keeper: a loop around `begin_ping()`, which is a `ping()` that waits for nothing.

If it waited for the end of a round, one ping that hangs would keep it from all others, whose sessions would grow too
old meanwhile and hang in turn.
"""

import asyncio
import weakref
from typing import Protocol

from pingpool.aio.clock import Clock
from pingpool.aio.gates import Gate, open_gate
from pingpool.ground import journal


class Pingable(Protocol):
    """A pool, as its keeper sees it."""

    @property
    def name(self) -> str:
        """What the pool is called."""
        ...

    @property
    def closed(self) -> bool:
        """Has the pool been closed?"""
        ...

    def begin_ping(self) -> object:
        """Have proven what is due."""
        ...

    def next_look_at(self) -> float:
        """Return when something will be due, or might be."""
        ...


class Keeper:
    """Keeps the idle sessions of one pool alive, from a task of its own, for as long as somebody holds the pool."""

    def __init__(self, pool: Pingable, clock: Clock) -> None:
        """Begin."""
        self._pool = weakref.ref(pool, lambda _: self.wake())
        self._clock = clock
        self._gate: Gate | None = None
        self._stopped = False
        self._task = asyncio.create_task(self._run(), name=f"{pool.name}: keeper")

    @property
    def is_over(self) -> bool:
        """Has it ended, stopped by the pool or cancelled by somebody else?"""
        return self._task.done()

    def wake(self) -> None:
        """Look now: something happened that may have made sessions due."""
        open_gate(self._gate)

    def stop(self) -> None:
        """End after the round that is going on, if any."""
        self._stopped = True
        self.wake()

    async def _run(self) -> None:
        while (look_at := self._look_at()) is not None:
            await self._sleep_until(look_at)
            pool = self._pool()
            if pool is not None and not self._stopped:
                self._ping(pool)
            del pool

    def _ping(self, pool: Pingable) -> None:
        """Ping once; a keeper that dies of an error would be worse than any error."""
        try:
            pool.begin_ping()
        except Exception:
            journal.exception("%s: a round of pings failed", pool.name)

    async def _sleep_until(self, when: float) -> None:
        """Sleep until that time, or until somebody wakes the keeper."""
        self._gate = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(when, self.wake)
        try:
            await self._gate
        finally:
            timer.cancel()

    def _look_at(self) -> float | None:
        """Return when to look at what is due; None if there will never be anything to do."""
        pool = self._pool()
        if pool is None or pool.closed or self._stopped:
            return None
        return pool.next_look_at()
