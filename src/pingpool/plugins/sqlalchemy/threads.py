"""The pool of an engine that is used by threads."""

from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry

from pingpool.errors import NotLent, PoolClosed, PoolTimeout
from pingpool.opening import opened
from pingpool.plugins.sqlalchemy.engine import EnginePool
from pingpool.plugins.sqlalchemy.records import Records
from pingpool.pool.caller import wraps
from pingpool.threads.late import Late, LateLock
from pingpool.threads.pool import PingingPool

wraps(__file__)


class PingPool(EnginePool[PingingPool[Any]]):
    """Keeps an engine's connections alive, and replaces the dead before anybody meets them.

    engine = create_engine("postgresql+psycopg://db/shop", poolclass=PingPool, pool_size=10)
    """

    _is_asyncio = False  # pyright: ignore[reportAssignmentType] (so do SQLAlchemy's own pools)

    _opening = Late(LateLock)

    def _new_pool(self) -> PingingPool[Any]:
        return PingingPool(**self._options())

    def _open(self) -> None:
        """Have connections opened on demand from now on; after a `dispose()`, too."""
        with self._opening.lock:
            if self._is_to_be_opened():
                self._opened = opened(self._below_to_open(), Records(self), 0)

    def _do_get(self) -> ConnectionPoolEntry:
        """Check a record out."""
        while True:
            if self._next is not None:
                return self._next._do_get()
            below = self._below
            try:
                if self._is_to_be_opened():
                    self._open()
                    continue
                record: ConnectionPoolEntry = below.get()
                return record
            except PoolClosed:
                if not self._is_gone(below):
                    raise
            except PoolTimeout as timeout:
                error = self._told(timeout)
                raise error from error.__cause__

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        """Check a record in; one whose connection was invalidated, or detached, is replaced."""
        try:
            if record.dbapi_connection is None:
                self._below.discard(record)
            else:
                self._below.put(record)
        except NotLent:
            self._put_elsewhere(record)

    def dispose(self) -> None:
        """Close what is idle now, and what is lent when it comes back. The next checkout begins anew."""
        self._disposed = self._below  # first: nobody is to open it again while it closes
        self._disposed.close()
        self.logger.info("Pool disposed. %s", self.status())
