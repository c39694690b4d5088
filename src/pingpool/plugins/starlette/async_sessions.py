"""A pool for asyncio in an application: for endpoints that are coroutine functions."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Unpack, overload

from pingpool.aio.pool import AsyncPingingPool
from pingpool.core.slot import S
from pingpool.database import AsyncDatabase
from pingpool.opening import open_async
from pingpool.options import PoolOptions
from pingpool.plugins.starlette.attached import Attached
from pingpool.plugins.starlette.place import Place, awaiting_at


class AsyncSessions(Attached[S, AsyncPingingPool[S]]):
    """Sessions of a pool for asyncio; the arguments are those of `pingpool.open_async`."""

    @overload
    def __init__(
        self, database: AsyncDatabase[S], *, wait_for: int | None = 1, **options: Unpack[PoolOptions]
    ) -> None: ...
    @overload
    def __init__(self: "AsyncSessions[Any]", database: str, *, wait_for: int | None = 1, **options: Any) -> None: ...
    def __init__(self, database: Any, **options: Any) -> None:
        """Note what to open; nothing is opened before the application starts."""
        super().__init__()
        self._open: partial[Any] = partial(open_async, database, **options)

    def _opened(self) -> AbstractAsyncContextManager[AsyncPingingPool[S]]:
        opening: AbstractAsyncContextManager[AsyncPingingPool[S]] = self._open()
        return opening

    async def _check_out(self, pool: AsyncPingingPool[S], place: Place) -> S:
        session: S = await awaiting_at(place)(pool.get)
        return session

    async def _give_back(self, pool: AsyncPingingPool[S], session: S, error: BaseException | None) -> None:
        await pool.give_back(session, error)

    async def _check(self, pool: AsyncPingingPool[S], timeout: float) -> None:
        await pool.check(timeout)
