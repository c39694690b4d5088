"""How a coroutine waits for a session of a pool for threads: in threads that no endpoint needs.

anyio has 40 threads for all endpoints of an application that are plain functions. If those who wait for a session sit
in them, those who have one get no thread to finish in: nobody goes on until the waiters' time is up. So they wait in
threads that are counted apart.
"""

import math
import time
from typing import Generic

from anyio import CapacityLimiter, Semaphore, WouldBlock, move_on_after
from anyio.to_thread import run_sync

from pingpool.core.slot import S
from pingpool.errors import PoolTimeout
from pingpool.plugins.starlette.place import Place, standing_at
from pingpool.threads.pool import PingingPool

MOST_THREADS = 100
"""How many requests at most wait in a thread each. The others wait for one of these, within the same time."""


class Line(Generic[S]):
    """Those who wait for a session of one pool, in one event loop."""

    def __init__(self, pool: PingingPool[S]) -> None:
        self._pool = pool
        self._threads = Semaphore(MOST_THREADS)
        self._probing = CapacityLimiter(1)

    async def wait(self, place: Place) -> S:
        """Check a session out from a place, within the pool's `default_timeout`; raises the errors of `get`.

        A session that comes too late goes back.
        """
        timeout = self._pool.default_timeout
        visit = Visit(self._pool, place, math.inf if timeout is None else time.monotonic() + timeout)
        await self._have_a_thread(timeout)
        try:
            return await run_sync(visit.get, limiter=CapacityLimiter(1))  # nobody else's: it is free at once
        except BaseException:
            visit.leave()
            raise
        finally:
            self._threads.release()

    async def check(self, timeout: float) -> None:
        """Have a session proven, in one more thread."""
        await run_sync(self._pool.check, timeout, limiter=self._probing)

    async def _have_a_thread(self, timeout: float | None) -> None:
        """Wait until one more thread may wait for a session; without a look at the time if it may at once."""
        try:
            self._threads.acquire_nowait()
        except WouldBlock:
            with move_on_after(timeout):
                await self._threads.acquire()
                return
            told = f"{self._pool.name}: no session within {timeout} s; {MOST_THREADS} others wait already"
            raise PoolTimeout(told) from None


class Visit(Generic[S]):
    """One call of `get` in a thread, for a task that may be cancelled meanwhile.

    A session that comes when the task has left is put back by the thread; one that came before, by the task.
    """

    def __init__(self, pool: PingingPool[S], place: Place, until: float) -> None:
        self._pool = pool
        self._place = place
        self._until = until
        self._is_wanted = True
        self._got: list[S] = []

    def get(self) -> S:
        """Check a session out for the task; in a thread."""
        left = max(0.0, self._until - time.monotonic())
        session: S = standing_at(self._place)(self._pool.get, left)
        self._got.append(session)
        if self._is_wanted:
            return session
        self._put_back()
        raise PoolTimeout(f"{self._pool.name}: whoever wanted the session is gone")

    def leave(self) -> None:
        """Want it no longer; in the task."""
        self._is_wanted = False
        self._put_back()

    def _put_back(self) -> None:
        """Give back what was had; `pop` decides which of the two does so."""
        try:
            session = self._got.pop()
        except IndexError:
            return
        self._pool.put(session)
