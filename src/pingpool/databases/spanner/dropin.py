"""What Google's client, in either world, expects of a pool beyond `get` and `put`; both of our pools add it.

- A session that the client makes in place of a dead one takes over its slot.
- A session that its holder deletes frees its slot.
- An error counts against a session only if it comes from this very one.
"""

import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pingpool.core.orders import Verdict
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.sessions import Pooled
from pingpool.databases.spanner.terms import Terms
from pingpool.databases.spanner.versions import never_asks_its_pool

DAY = 24 * 3600.0
LIFETIME = 27 * DAY
"""The server ends every session at 28 days, in use or not; the pool replaces it before, while it is idle."""

NEVER_USED = (
    "google-cloud-spanner is set to use multiplexed sessions for everything and will never ask this pool, so the pool "
    "opens no session until somebody calls its get(). For the client to use it set the environment variables "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS, GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW and "
    "GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_PARTITIONED_OPS to false; or do without a pool."
)

_missed: "ContextVar[Callable[[], Pooled | None]]" = ContextVar("the session that this thread or task just missed")


class DropIn:
    """What makes a pool of ours one that the client takes for its own; who adds it names the pool behind it."""

    _database_role: str | None
    _rests = False
    """Is it empty until somebody waits for a session? So while nobody would ever ask for one."""
    # The pool's own.
    _database: Any
    _desk: Any
    _labels: Any
    _return: Any
    open_one: Any

    @property
    def database_role(self) -> str | None:
        """The database role of the pool's sessions: its own, or else that of its database."""
        terms = self._terms
        return self._database_role if terms is None else terms.role

    # What the client's code asks of a pool beyond its documented methods.

    def _new_session(self) -> Any:
        """Return a session that is not open yet, for the client to put in place of the one it just missed."""
        assert self._terms is not None, "bind() comes first"
        session: Pooled = self._terms.new_session(self._labels)
        session.is_stray = True
        session.predecessor = _missed.get(_nothing)()
        _missed.set(_nothing)
        return session

    @property
    def _resource_info(self) -> Any:
        """Where calls go, for the client's metrics."""
        return None if self._terms is None else self._terms.client_database._resource_info

    # What its sessions tell it.

    def was_missed(self, session: Pooled) -> None:
        """Hear that this thread or task looked for a session and did not find it; it may now make another."""
        _missed.set(weakref.ref(session))

    def was_deleted(self, session: Pooled) -> None:
        """Hear that its holder deleted a session, or tried to: the slot is free, and the pool does what is left."""
        if self._desk.ledger.knows(session):
            self._return(session, Verdict.TAINTED if session.death is None else Verdict.GONE)
            session.is_spent = True

    # How it is done.

    @property
    def _terms(self) -> Terms | None:
        """Those of the database that the pool is bound to."""
        return self._database if isinstance(self._database, Terms) else None

    def _is_in_vain(self) -> bool:
        """Would nobody ever ask for what is in the pool?"""
        return never_asks_its_pool(self._database.client_database)

    def _took_in(self, session: Any) -> bool:
        """See to what is put without being lent: a session that the client made for this pool, or one that is spent."""
        ours = session if isinstance(session, Pooled) else None
        if ours is not None and ours.is_spent:
            ours.is_spent = False
            return True
        lent = self._desk.ledger.lent
        is_stray = id(session) not in lent if ours is None else ours.is_stray and ours.home() is self
        if not is_stray or self._terms is None or not self._terms.owns(session):
            return False
        dead = None if ours is None else ours.predecessor
        self._desk.tell(self._desk.ledger.adopt, session, dead if id(dead) in lent else None)
        if ours is not None:
            ours.is_stray = False
            ours.predecessor = None
        return True


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
