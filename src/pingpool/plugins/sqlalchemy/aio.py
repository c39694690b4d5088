"""The pool of an `AsyncEngine`, which is used by tasks of one event loop."""

from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only, greenlet_spawn

from pingpool.aio.pool import AsyncPingingPool
from pingpool.errors import NotLent, PoolClosed, PoolTimeout
from pingpool.plugins.sqlalchemy.engine import EnginePool
from pingpool.plugins.sqlalchemy.records import AsyncRecords
from pingpool.pool.at_once import at_once
from pingpool.pool.caller import wraps

wraps(__file__)


class AsyncPingPool(EnginePool[AsyncPingingPool[Any]]):
    """Keeps an `AsyncEngine`'s connections alive, and replaces the dead before anybody meets them.

    engine = create_async_engine("postgresql+psycopg://db/shop", poolclass=AsyncPingPool, pool_size=10)
    """

    _is_asyncio = True  # pyright: ignore[reportAssignmentType] (so do SQLAlchemy's own pools)
    _records: AsyncRecords | None = None

    def _new_pool(self) -> AsyncPingingPool[Any]:
        return AsyncPingingPool(**self._options())

    async def _open(self) -> None:
        """Have connections opened on demand from now on; after a `dispose()`, too."""
        below = self._below_to_open()
        self._records = self._records or AsyncRecords(self, self._open_record)
        await below.bind(self._records, wait_for=0)
        if below.ping_interval:
            below.keep_alive()
        self._opened = below

    async def _open_record(self) -> ConnectionPoolEntry:
        return await greenlet_spawn(self._create_connection)

    def _do_get(self) -> ConnectionPoolEntry:
        """Check a record out."""
        return await_only(self._get())

    async def _get(self) -> ConnectionPoolEntry:
        while True:
            if self._next is not None:
                return await self._next._get()
            below = self._below
            try:
                if self._is_to_be_opened():
                    await self._open()
                    continue
                record: ConnectionPoolEntry = await below.get()
                return record
            except PoolClosed:
                if not self._is_gone(below):
                    raise
            except PoolTimeout as timeout:
                error = self._told(timeout)
                raise error from error.__cause__

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        """Check a record in; one whose connection was invalidated, or detached, is replaced. Never suspends."""
        give_back = self._below.discard if record.dbapi_connection is None else self._below.put
        try:
            at_once(give_back(record))
        except NotLent:
            self._put_elsewhere(record)

    def dispose(self) -> None:
        """Close what is idle now, and what is lent when it comes back. The next checkout begins anew.

        Of a pool whose event loop is closed nothing can be closed in good order: it is let go.
        """
        self._disposed = below = self._below
        if not below._desk.is_stranded():  # pyright: ignore[reportPrivateUsage] (nobody else has to know)
            await_only(below.close())
        self.logger.info("Pool disposed. %s", self.status())
