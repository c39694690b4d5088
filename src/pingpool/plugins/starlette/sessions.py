"""A pool for threads in an application: for endpoints that are plain functions, and for drivers that block."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Unpack, overload

from anyio.to_thread import run_sync

from pingpool.core.slot import S
from pingpool.database import Database
from pingpool.opening import open
from pingpool.options import PoolOptions
from pingpool.plugins.starlette.attached import Attached
from pingpool.plugins.starlette.place import Place
from pingpool.plugins.starlette.waiting import Line
from pingpool.threads.pool import PingingPool

Opened = AsyncGenerator[PingingPool[S]]


class Sessions(Attached[S, PingingPool[S]]):
    """Sessions of a pool for threads; the arguments are those of `pingpool.open`.

    Whoever waits for a session holds none of the threads that endpoints run in, so that those who have one can go on.
    """

    @overload
    def __init__(self, database: Database[S], *, wait_for: int | None = 1, **options: Unpack[PoolOptions]) -> None: ...
    @overload
    def __init__(self: "Sessions[Any]", database: str, *, wait_for: int | None = 1, **options: Any) -> None: ...
    def __init__(self, database: Any, **options: Any) -> None:
        """Note what to open; nothing is opened before the application starts."""
        super().__init__()
        self._lines: dict[PingingPool[S], Line[S]] = {}
        self._open: partial[Any] = partial(open, database, **options)

    @asynccontextmanager
    async def _opened(self) -> Opened[S]:
        pool: PingingPool[S] = await run_sync(self._open)
        self._lines[pool] = Line(pool)
        try:
            yield pool
        finally:
            del self._lines[pool]
            await run_sync(pool.close)

    async def _check_out(self, pool: PingingPool[S], place: Place) -> S:
        return await self._lines[pool].wait(place)

    async def _give_back(self, pool: PingingPool[S], session: S, error: BaseException | None) -> None:
        pool.give_back(session, error)

    async def _check(self, pool: PingingPool[S], timeout: float) -> None:
        await self._lines[pool].check(timeout)
