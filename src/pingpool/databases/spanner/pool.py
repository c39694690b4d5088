"""The drop-in: a `PingingPool` that google-cloud-spanner takes for one of its own.

It is this package's pool with four additions:

- `bind` takes the client's `Database` object, and asks for no sessions as long as the client is set to do without.
- `put` looks at the exception that is passing by. The client calls it in `finally` and `__exit__` and says nothing of
  how the use ended, but the error in flight does; if it comes from this very session, that one is not lent again.
- `put` takes a session that the client made in place of a dead one.
- A session that its holder deletes frees its slot.
"""

import math
import sys
import threading
import warnings
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from google.cloud.spanner_v1.pool import AbstractSessionPool as GooglePool
from google.cloud.spanner_v1.session import Session

from pingpool.databases.spanner.database import SpannerDatabase
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.sessions import PooledSession
from pingpool.databases.spanner.versions import never_asks_its_pool
from pingpool.errors import NotLent
from pingpool.threads.clock import Clock
from pingpool.threads.gates import ThreadRound
from pingpool.threads.pool import PingingPool as Pool

DAY = 24 * 3600.0
LIFETIME = 27 * DAY
"""The server ends every session at 28 days, in use or not; the pool replaces it before, while it is idle."""

NEVER_USED = (
    "google-cloud-spanner is set to use multiplexed sessions for everything and will never ask this pool, so the pool "
    "opens no session until somebody calls its get(). For the client to use it set the environment variables "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS, GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW and "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_PARTITIONED_OPS to false; or do without a pool."
)


# Google's class is a base for `isinstance` alone; where the two differ (its `session()` is deprecated) ours holds.
class PingingPool(Pool[Session], GooglePool):  # type: ignore[misc]  # pyright: ignore[reportIncompatibleMethodOverride]
    """A pool for `instance.database(..., pool=PingingPool(...))`, with the arguments of Google's class of that name.

    The options after `database_role` are those of `pingpool.PingingPool`; sessions are replaced after 27 days, because
    the server ends them after 28.

    Raises:
        TypeError: an option is of the wrong kind.
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: float = 3000,
        labels: Mapping[str, str] | None = None,
        database_role: str | None = None,
        *,
        name: str | None = None,
        max_lifetime: float = LIFETIME,
        max_waiters: float = math.inf,
        io_timeout: float = 10,
        workers: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`, which `instance.database()` calls."""
        if database_role is not None and not isinstance(database_role, str):
            raise TypeError(f"database_role must be a string; got {database_role!r}")
        self._database_role = database_role
        self._rests = False
        self._missed = threading.local()
        super().__init__(
            size,
            default_timeout,
            ping_interval,
            labels,
            name=name,
            max_lifetime=max_lifetime,
            max_waiters=max_waiters,
            io_timeout=io_timeout,
            workers=workers,
            clock=clock,
        )

    @property
    def database_role(self) -> str | None:
        """The database role of the pool's sessions: its own, or else that of its database."""
        database = self._spanner
        return self._database_role if database is None else database.role

    def bind(self, database: Any) -> None:
        """Associate the pool with the client's `Database` and fill it; again with one of the same name, top it up.

        If the client is set never to ask its pool, this warns, and the pool is filled when `get` is first called.

        Raises:
            CannotFill: a session could not be made; `__cause__` is the client's error, and the pool is unbound again.
            BoundElsewhere: the pool is bound to a database of another name.
            PoolClosed: the pool is closed.
            TypeError: this is no database of google-cloud-spanner.
        """
        if isinstance(database, SpannerDatabase):
            super().bind(database)
        elif hasattr(database, "name") and hasattr(database, "spanner_api"):
            super().bind(SpannerDatabase(database, role=self._database_role, home=self))
            self._clear_with(database)
        else:
            raise TypeError(f"bind() takes a Database of google-cloud-spanner, got {database!r:.200}")

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
        self._check_in(session, error)

    # What the client's code asks of a pool beyond its documented methods.

    def _new_session(self) -> Session:
        """Return a session that is not open yet, for the client to put in place of the one it just missed."""
        assert self._spanner is not None, "bind() comes first"
        session = self._spanner.new_session(self.labels)
        session.is_stray = True
        session.predecessor = getattr(self._missed, "session", _nothing)()
        self._missed.session = _nothing
        return session

    @property
    def _resource_info(self) -> Any:
        """Where calls go, for the client's metrics."""
        return None if self._spanner is None else self._spanner.client_database._resource_info

    # What its sessions tell it.

    def was_missed(self, session: PooledSession) -> None:
        """Hear that this thread looked for a session and did not find it; it may now make another."""
        self._missed.session = weakref.ref(session)

    def was_deleted(self, session: PooledSession) -> None:
        """Hear that its holder deleted a session: the slot is free."""
        with suppress(NotLent):
            self._return(self._desk.ledger.bury, session)
            session.is_spent = True

    def open_one(self, session: PooledSession) -> str:
        """Open a session for the client; if that fails, the dead one it was to replace leaves its slot at least."""
        assert self._spanner is not None, "its sessions know the database"
        try:
            return self._spanner.open(1, labels=self.labels, timeout=self._options.io_timeout)[0]
        except BaseException:
            dead, session.predecessor = session.predecessor, None
            if dead is not None:
                self.put(dead)
            raise

    # How it is done.

    @property
    def _spanner(self) -> SpannerDatabase | None:
        """The database that the pool is bound to."""
        return self._database if isinstance(self._database, SpannerDatabase) else None

    def _check_in(self, session: Session, error: BaseException | None) -> None:
        """Check a session in while this error is passing by, if any."""
        ended_by = _end_of(session, error)
        if isinstance(session, PooledSession) and session.is_spent:
            session.is_spent = False
        elif ended_by is not None:
            super().give_back(session, ended_by)
        else:
            try:
                super().put(session)
            except NotLent as refusal:
                self._take_in(session, refusal)

    def _take_in(self, session: Session, refusal: NotLent) -> None:
        """Check in a session that is not lent, if it is for this pool."""
        ours = session if isinstance(session, PooledSession) else None
        is_stray = ours is None or (ours.is_stray and ours.home() is self)
        if not is_stray or self._spanner is None or not self._spanner.owns(session):
            raise refusal
        dead = None if ours is None else ours.predecessor
        self._desk.tell(self._desk.ledger.adopt, session, dead if id(dead) in self._desk.ledger.lent else None)
        if ours is not None:
            ours.is_stray = False
            ours.predecessor = None

    def _clear_with(self, database: Any) -> None:
        """Let the client's `Database.close`, which knows only its multiplexed session, end the pool's as well."""
        close = getattr(database, "close", None)
        if close is not None and "close" not in vars(database):

            def close_with_pool() -> None:
                close()
                self._rest()

            database.close = close_with_pool

    def _rest(self) -> None:
        """Delete every session that is not lent; the next `get` that has to wait fills the pool again."""
        self._rests = True
        self.clear()

    def _before_waiting(self) -> None:
        """Fill a pool that rested, now that somebody waits for a session."""
        if self._rests:
            self._rests = False
            self._desk.tell(self._desk.ledger.fill, ThreadRound())
        super()._before_waiting()

    def _fill(self) -> None:
        """Fill the pool, unless nobody would ever ask for what is in it."""
        assert self._spanner is not None, "bind() sets it first"
        if self._desk.ledger.filling or not never_asks_its_pool(self._spanner.client_database):
            super()._fill()
            self._rests = False
        elif not self._rests:
            warnings.warn(NEVER_USED, stacklevel=5)  # where instance.database() was called
            self._rests = True


def _end_of(session: Session, error: BaseException | None) -> BaseException | None:
    """Return what ended the life of the session, or at least the trust in it: what it knows itself, or this error."""
    death: BaseException | None = getattr(session, "death", None)
    if death is not None or error is None:
        return death
    if not isinstance(error, Exception) and not isinstance(error, GeneratorExit):
        return error  # an interrupt: nobody knows what the session is doing
    return error if lost_session(error) == getattr(session, "name", None) is not None else None


def _nothing() -> None:
    """Stand for a session that is not there."""
