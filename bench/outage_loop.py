"""A pool of asyncio in a loop of its own, for the threads that are the callers of the outages.

The time of a checkout is measured in the loop; that of a failed one, where the caller is.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from bench.outage_callers import Loan
from pingpool import AsyncPingingPool
from pingpool.aio.opening import Opening

T = TypeVar("T")

Run = Callable[[Any, str], Awaitable[object]]
"""Runs a statement on a session."""

IsDead = Callable[[Any], bool]
"""Can the session be seen to be dead?"""


class PoolInLoop:
    """An `AsyncPingingPool` that threads use."""

    def __init__(self, pool: Opening[Any], run: Run, is_dead: IsDead) -> None:
        self._run = run
        self._is_dead = is_dead
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._pool = self._await(self._open(pool))

    @contextmanager
    def use(self) -> Generator[Loan]:
        """Check out for the length of a block."""
        session, was_dead, waited = self._await(self._check_out())
        try:
            yield Loan(lambda statement: self._await(self._speak(session, statement)), lambda: was_dead, waited)
        except BaseException as error:
            self._await(self._pool.give_back(session, error))
            raise
        self._await(self._pool.give_back(session, None))

    def close(self) -> None:
        self._await(self._pool.close(1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _open(pool: Opening[Any]) -> AsyncPingingPool[Any]:
        return await pool

    async def _check_out(self) -> tuple[Any, bool, float]:
        """Return a session, and whether it was dead when it was handed out."""
        began = time.monotonic()
        session = await self._pool.get()
        waited = time.monotonic() - began
        return session, self._is_dead(session), waited

    async def _speak(self, session: Any, statement: str) -> object:
        return await self._run(session, statement)

    def _await(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()
