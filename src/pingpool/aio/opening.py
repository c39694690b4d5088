"""The opening of a pool: from `open_async(...)` to the pool, bound and kept alive, that it gives when it is awaited."""

from collections.abc import Generator
from types import TracebackType
from typing import Any, Generic

from pingpool.aio.pool import AsyncPingingPool
from pingpool.core.slot import S
from pingpool.database import AsyncDatabase


class Opening(Generic[S]):
    """A pool that is about to be opened: `async with` it, or `await` it and close the pool yourself."""

    def __init__(self, pool: AsyncPingingPool[S], database: AsyncDatabase[S], wait_for: int | None) -> None:
        self._pool = pool
        self._database = database
        self._wait_for = wait_for

    def __await__(self) -> Generator[Any, Any, AsyncPingingPool[S]]:
        """Open the pool."""
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AsyncPingingPool[S]:
        """Open the pool."""
        pool = self._pool
        try:
            await pool.bind(self._database, wait_for=self._wait_for)
            if pool.ping_interval:
                pool.keep_alive()
        except BaseException as error:
            if not isinstance(error, GeneratorExit):  # else there is nobody left who could wait for that
                await pool.close(0)
            raise
        return pool

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        await self._pool.__aexit__(kind, error, trace)
