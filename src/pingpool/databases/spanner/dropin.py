"""What Google's client, in either world, expects of a pool beyond `get` and `put`; both of our pools add it.

- A session that the client makes in place of a dead one takes over its slot.
- A session that its holder deletes frees its slot.
- An error counts against a session only if it comes from this very one.
"""

import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from pingpool.core.orders import Verdict
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.sessions import Pooled
from pingpool.databases.spanner.terms import Terms
from pingpool.databases.spanner.versions import never_asks_its_pool
from pingpool.pool.beginning import Beginning
from pingpool.pool.caller import files_of, warn, wraps
from pingpool.pool.lending import Lending

DAY = 24 * 3600.0
LIFETIME = 27 * DAY
"""The server ends every session at 28 days, in use or not; the pool replaces it before, while it is idle."""

NEVER_USED = (
    "google-cloud-spanner is set to use multiplexed sessions for everything and will never ask this pool, so the pool "
    "opens no session until somebody calls its get(). For the client to use it set the environment variables "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS, GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW and "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_PARTITIONED_OPS to false; or do without a pool."
)

wraps(*files_of(import_module("google.cloud.spanner_v1"), "_async", "_helpers"))

_missed: "ContextVar[Callable[[], Pooled | None]]" = ContextVar("the session that this thread or task just missed")


class DropIn:
    """What the client asks of the pool of one database, beyond lending."""

    def __init__(self, lending: Lending[Any], terms: Terms) -> None:
        """The pool lends the sessions of that database by `lending`."""
        self._lending = lending
        self.terms = terms

    def new_session(self, labels: Mapping[str, str]) -> Any:
        """Return a session that is not open yet, for the client to put in place of the one it just missed."""
        session: Pooled = self.terms.new_session(labels)
        session.is_stray = True
        session.predecessor = _missed.get(_nothing)()
        _missed.set(_nothing)
        return session

    def was_missed(self, session: Pooled) -> None:
        """Hear that this thread or task looked for a session and did not find it; it may now make another."""
        _missed.set(weakref.ref(session))

    def was_deleted(self, session: Pooled) -> None:
        """Hear that its holder deleted a session, or tried to: the slot is free, and the pool does what is left."""
        if self._lending.knows(session):
            self._lending.take_back(session, Verdict.TAINTED if session.death is None else Verdict.GONE)
            session.is_spent = True

    def took_in(self, session: Any) -> bool:
        """See to what is put without being lent: a session that the client made for this pool, or one that is spent."""
        ours = session if isinstance(session, Pooled) else None
        if ours is not None and ours.is_spent:
            ours.is_spent = False
            return True
        is_lent = self._lending.is_lent
        is_stray = not is_lent(session) if ours is None else ours.is_stray and ours.home() is self.terms.home()
        if not is_stray or not self.terms.owns(session):
            return False
        dead = None if ours is None else ours.predecessor
        self._lending.adopt(session, dead if is_lent(dead) else None)
        if ours is not None:
            ours.is_stray = False
            ours.predecessor = None
        return True

    def is_never_asked(self) -> bool:
        """Would nobody ever ask for what is in the pool? The user is told, once."""
        if not never_asks_its_pool(self.terms.client_database):
            return False
        if not self._lending.is_filling:
            warn(NEVER_USED)
        return True


class ClientPool(Beginning[Any, Any]):
    """What the client, and its sessions, call on a pool beyond its documented methods."""

    _database_role: str | None
    _drop_in: DropIn | None = None

    @property
    def database_role(self) -> str | None:
        """The database role of the pool's sessions: its own, or else that of its database."""
        return self._database_role if self._drop_in is None else self._drop_in.terms.role

    @property
    def _resource_info(self) -> Any:
        """Where calls go, for the client's metrics."""
        return None if self._drop_in is None else self._drop_in.terms.client_database._resource_info

    def _new_session(self) -> Any:
        assert self._drop_in is not None, "bind() comes first"
        return self._drop_in.new_session(self.labels)

    def was_missed(self, session: Pooled) -> None:
        """Hear that the client looked for a session and did not find it."""
        if self._drop_in is not None:
            self._drop_in.was_missed(session)

    def was_deleted(self, session: Pooled) -> None:
        """Hear that its holder deleted a session."""
        if self._drop_in is not None:
            self._drop_in.was_deleted(session)

    def _set_up(self) -> None:
        super()._set_up()
        self._drop_in = None

    def _move_to(self, database: Any) -> None:
        super()._move_to(database)
        self._drop_in = DropIn(self._lending, database)

    def _fills_on_demand(self) -> bool:
        return (self._drop_in is not None and self._drop_in.is_never_asked()) or super()._fills_on_demand()


def checked_role(role: str | None) -> str | None:
    """Return the role, or say what is wrong with it."""
    if role is not None and not isinstance(role, str):
        raise TypeError(f"database_role must be a string; got {role!r}")
    return role


def checked_database(database: Any, kind: type[Any]) -> Any:
    """Return the client's `Database`, or say that this is none, or one of the other world."""
    if not isinstance(database, kind):
        raise TypeError(f"bind() takes a {kind.__module__}.{kind.__name__}, got {database!r:.200}")
    return database


def end_of(session: Any, error: BaseException | None) -> BaseException | None:
    """Return what ended the life of the session, or at least the trust in it: what it knows itself, or this error."""
    death: BaseException | None = getattr(session, "death", None)
    if death is not None or error is None:
        return death
    if not isinstance(error, Exception) and not isinstance(error, GeneratorExit):
        return error  # an interrupt or a cancel: nobody knows what the session is doing
    return error if lost_session(error) == getattr(session, "name", None) is not None else None


def _nothing() -> None:
    """Stand for a session that is not there."""
