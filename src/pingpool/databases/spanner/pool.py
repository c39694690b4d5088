"""The drop-in: a `PingingPool` that google-cloud-spanner takes for one of its own.

It is this package's pool with four additions (those that both worlds share are made in `dropin`):

- `bind` takes the client's `Database` object, and asks for no sessions as long as the client is set to do without.
- `put` looks at the exception that is passing by. The client calls it in `finally` and `__exit__` and says nothing of
  how the use ended, but the error in flight does; if it comes from this very session, that one is not lent again.
- `put` takes a session that the client made in place of a dead one.
- A session that its holder deletes frees its slot.
"""

import sys
from collections.abc import Mapping
from typing import Any, Unpack

from google.cloud.spanner_v1.database import Database
from google.cloud.spanner_v1.pool import AbstractSessionPool as GooglePool
from google.cloud.spanner_v1.session import Session

from pingpool.databases.spanner.by_hand import ByHand
from pingpool.databases.spanner.database import SpannerDatabase
from pingpool.databases.spanner.dropin import ClientPool, checked_database, checked_options, checked_role, what_ended
from pingpool.databases.spanner.sessions import Pooled
from pingpool.options import Interval, MoreOptions
from pingpool.pool.at_once import at_once
from pingpool.pool.caller import wraps
from pingpool.threads.pool import PingingPool as Pool

wraps(__file__)


# Google's class is a base for `isinstance` alone; where the two differ (its `session()` is deprecated) ours holds.
# Google's classes have no types, and other signatures than ours: so the checkers are told to look away.
class PingingPool(ClientPool, Pool[Session], GooglePool):  # type: ignore[misc]  # pyright: ignore[reportIncompatibleMethodOverride]
    """A pool for `instance.database(..., pool=PingingPool(...))`, with the arguments of Google's class of that name.

    The options after `database_role` are those of `pingpool.PingingPool`; sessions are replaced after 27 days, because
    the server ends them after 28.

    Raises:
        TypeError: an option is unknown, or of the wrong kind.
        ValueError: an option is out of range.
    """

    _by_hand = ByHand

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: Interval = 3000,
        labels: Mapping[str, str] | None = None,
        database_role: str | None = None,
        **options: Unpack[MoreOptions],
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`, which `instance.database()` calls."""
        self._database_role = checked_role(database_role)
        super().__init__(size, default_timeout, ping_interval, labels, **checked_options(options))

    def bind(self, database: Any, *, wait_for: int | None = None) -> None:
        """Associate the pool with the client's `Database` and fill it; again with one of the same name, top it up.

        If the client is set never to ask its pool, this warns, and sessions are opened only as `get` asks for them.
        `wait_for` is that of `pingpool.PingingPool.bind`.

        Raises:
            CannotFill: a session could not be made; `__cause__` is the client's error, and the pool is unbound again.
            BoundElsewhere: the pool is bound to a database of another name.
            PoolClosed: the pool is closed.
            TypeError: this has not what a `Database` of the client has.
        """
        if isinstance(database, SpannerDatabase):
            super().bind(database, wait_for=wait_for)
        else:
            checked = checked_database(database, Database, "google.cloud.spanner_v1._async.database")
            role, observer = self._database_role, self._options.observer
            super().bind(SpannerDatabase(checked, role=role, home=self, observer=observer), wait_for=wait_for)
            self._rest_with(database)

    def put(self, session: Session) -> None:
        """Check a session in; its interval starts anew. Never blocks.

        If the exception that is being handled comes from this session, it is replaced. A session that the client made
        in place of a lent one that died takes over its slot, and one of the same database that nobody lent takes a
        vacant slot.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and a `queue.Full`.
            NotLent: there is no slot for it, or it is not for this pool: of another database, multiplexed, inherited
                from the process that forked this one, or no session at all.
        """
        self._check_in(session, sys.exception())

    def give_back(self, session: Session, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; see `pingpool.PingingPool.give_back`.

        An error that comes from another session says nothing about this one.
        """
        if not self._lending.has_parted(session):
            self._check_in(session, error)

    def open_one(self, session: Pooled) -> str:
        """Open a session for the client; if that fails, the dead one it was to replace leaves its slot at least."""
        try:
            return str(self._database.open(1, labels=self.labels, timeout=self._options.io_timeout)[0])
        except BaseException:
            dead, session.predecessor = session.predecessor, None
            if dead is not None:
                self.put(dead)
            raise

    # How it is done.

    def _check_in(self, session: Session, error: BaseException | None) -> None:
        """Check a session in while this error is passing by, if any."""
        if self._took_in(session):
            return
        ended_by = what_ended(session, error)
        if ended_by is None:
            super().put(session)
        else:
            super().give_back(session, ended_by)

    def _take_unbound(self, session: Any) -> bool:
        with self._binding.lock:
            return super()._take_unbound(session)

    def _rest_with(self, database: Any) -> None:
        """Let the client's `Database.close`, which knows only its multiplexed session, end the pool's before.

        It may take ten minutes: once multiplexed work ran it waits for a thread that sleeps.
        """
        close = getattr(database, "close", None)
        if close is not None and "close" not in getattr(database, "__dict__", {"close": None}):

            def close_with_pool() -> None:
                try:
                    at_once(self._rest())
                finally:
                    close()

            database.close = close_with_pool
