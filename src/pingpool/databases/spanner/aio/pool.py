"""The drop-in for asyncio: an `AsyncPingingPool` that the client's `AsyncClient` takes for one of its own.

It adds to this package's pool for asyncio what `databases.spanner.pool` adds to the one for threads. Here the exception
that is passing by may be a cancel: then nobody knows what the session is doing, and it is ended.
"""

import sys
from collections.abc import Mapping
from typing import Any, Unpack

from google.cloud.spanner_v1._async.database import Database
from google.cloud.spanner_v1._async.pool import AbstractSessionPool as GooglePool
from google.cloud.spanner_v1._async.session import Session

from pingpool.aio.pool import AsyncPingingPool as Pool
from pingpool.databases.spanner.aio.database import AsyncSpannerDatabase
from pingpool.databases.spanner.by_hand import AsyncByHand
from pingpool.databases.spanner.dropin import ClientPool, checked_database, checked_options, checked_role, what_ended
from pingpool.databases.spanner.sessions import Pooled
from pingpool.options import Interval, MoreOptions
from pingpool.pool.caller import wraps

wraps(__file__)


# Google's class is a base for `isinstance` alone; where the two differ (its `session()` is deprecated) ours holds.
# Google's classes have no types, and other signatures than ours: so the checkers are told to look away.
class AsyncPingingPool(ClientPool, Pool[Session], GooglePool):  # type: ignore[misc]  # Google's says it otherwise
    """A pool for `await instance.database(..., pool=AsyncPingingPool(...))`, with the arguments of Google's class.

    The options after `database_role` are those of `pingpool.AsyncPingingPool`; sessions are replaced after 27 days,
    because the server ends them after 28.

    Raises:
        TypeError: an option is unknown, or of the wrong kind.
        ValueError: an option is out of range.
    """

    _by_hand = AsyncByHand

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: Interval = 3000,
        labels: Mapping[str, str] | None = None,
        database_role: str | None = None,
        **options: Unpack[MoreOptions],
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`, which `instance.database()` awaits."""
        self._database_role = checked_role(database_role)
        super().__init__(size, default_timeout, ping_interval, labels, **checked_options(options))

    async def bind(self, database: Any, *, wait_for: int | None = None) -> None:
        """Associate the pool with the client's `Database` and fill it; again with one of the same name, top it up.

        If the client is set never to ask its pool, this warns, and sessions are opened only as `get` asks for them.
        `wait_for` is that of `pingpool.AsyncPingingPool.bind`.

        Raises:
            CannotFill: a session could not be made; `__cause__` is the client's error, and the pool is unbound again.
            BoundElsewhere: the pool is bound to a database of another name.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError: this has not what a `Database` of the client's `AsyncClient` has.
        """
        if isinstance(database, AsyncSpannerDatabase):
            await super().bind(database, wait_for=wait_for)
        else:
            checked = checked_database(database, Database, "google.cloud.spanner_v1.database")
            role, observer = self._database_role, self._options.observer
            await super().bind(
                AsyncSpannerDatabase(checked, role=role, home=self, observer=observer), wait_for=wait_for
            )
            self._rest_with(database)

    async def put(self, session: Session) -> None:
        """Check a session in; its interval starts anew. Never suspends.

        If the exception that is being handled comes from this session, or is a cancel, the session is replaced. One
        that the client made in place of a lent one that died takes over its slot, and one of the same database that
        nobody lent takes a vacant slot.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and an `asyncio.QueueFull`.
            NotLent: there is no slot for it, or it is not for this pool: of another database, multiplexed, inherited
                from the process that forked this one, or no session at all.
            WrongLoop: the pool belongs to another event loop.
        """
        await self._check_in(session, sys.exception())

    async def give_back(self, session: Session, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; see `pingpool.AsyncPingingPool.give_back`. Never suspends.

        An error that comes from another session says nothing about this one.
        """
        if not self._lending.has_parted(session):
            await self._check_in(session, error)

    async def open_one(self, session: Pooled) -> str:
        """Open a session for the client; if that fails, the dead one it was to replace leaves its slot at least."""
        try:
            return str((await self._database.open(1, labels=self.labels, timeout=self._options.io_timeout))[0])
        except BaseException:
            dead, session.predecessor = session.predecessor, None
            if dead is not None:
                await self.put(dead)
            raise

    # How it is done.

    async def _check_in(self, session: Session, error: BaseException | None) -> None:
        """Check a session in while this error is passing by, if any."""
        if self._desk.is_left_behind(error):
            return
        self._desk.settle_in()
        if self._took_in(session):
            return
        ended_by = what_ended(session, error)
        if ended_by is None:
            await super().put(session)
        else:
            await super().give_back(session, ended_by)

    def _rest_with(self, database: Any) -> None:
        """Let the client's `Database.close`, which knows only its multiplexed session, end the pool's before."""
        close = getattr(database, "close", None)
        if close is not None and "close" not in getattr(database, "__dict__", {"close": None}):

            async def close_with_pool() -> None:
                try:
                    await self._rest()
                finally:
                    await close()

            database.close = close_with_pool
