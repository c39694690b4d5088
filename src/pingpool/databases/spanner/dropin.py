"""What Google's client, in either world, expects of a pool beyond `get` and `put`; both of our pools add it.

- A session that the client makes in place of a dead one takes over its slot.
- A session that its holder deletes frees its slot; another that he puts in its place is welcome, though the pool may
  have filled the slot meanwhile.
- An error counts against a session only if it comes from this very one.
"""

import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from pingpool.core.orders import Verdict
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.sessions import Pooled
from pingpool.databases.spanner.terms import Terms
from pingpool.databases.spanner.versions import SWITCHES, is_from, work_past_the_pool
from pingpool.naming import refuse_database_options
from pingpool.options import MoreOptions
from pingpool.pool.beginning import Beginning
from pingpool.pool.caller import DJANGO, SQLALCHEMY, files_of, warn, wraps
from pingpool.pool.lending import Lending

DAY = 24 * 3600.0
LIFETIME = 27 * DAY
"""The server ends every session at 28 days, in use or not; the pool replaces it before, while it is idle."""

NEVER_USED = (
    "google-cloud-spanner is set to use its multiplexed session for everything and will never ask this pool, which "
    "opens no session until somebody calls its get()"
)
USED_FOR_SOME = "google-cloud-spanner is set to use its multiplexed session, and not this pool, for {} work"
WHAT_TO_DO = "; for the client to use the pool set {} to false: see 'The environment variables' in docs/spanner.md"

BETWEEN = {
    "google.cloud.spanner_v1": ("_async", "_helpers"),
    "google.cloud.aio._cross_sync": (),
    "google.cloud.spanner_dbapi": (),
    "google.cloud.sqlalchemy_spanner": (),
    "sqlalchemy": SQLALCHEMY,
    "django_spanner": (),
    "django": DJANGO,
}
"""What stands between a user and the pool: packages, and their folders."""

for package, folders in BETWEEN.items():
    wraps(*files_of(package, *folders))

_missed: "ContextVar[Callable[[], Pooled | None]]" = ContextVar("the session that this thread or task just missed")


class DropIn:
    """What the client asks of the pool of one database, beyond lending."""

    def __init__(self, lending: Lending[Any], terms: Terms) -> None:
        """The pool lends the sessions of that database by `lending`."""
        self._lending = lending
        self.terms = terms
        self._deleted: deque[None] = deque(maxlen=lending.size)

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
            self._lending.take_back(session, Verdict.TAINTED if session.death is None else Verdict.DISCARDED)
            session.is_spent = True
            self._deleted.append(None)

    def took_in(self, session: Any) -> bool:
        """See to what is put without being lent: a session that the client made for this pool, or one that is spent."""
        ours = session if isinstance(session, Pooled) else None
        if ours is not None and ours.is_spent:
            ours.is_spent = False
            return True
        if not self._is_stray(session, ours) or not self.terms.owns(session):
            return False
        self.terms.enlist(session)
        if ours is None:
            self._take_in(session, None)
            return True
        dead, ours.predecessor = ours.predecessor, None
        ours.is_stray = False  # first: once it is in, another thread may get it, and put it
        try:
            self._take_in(session, dead)
        except BaseException:
            if not self._lending.knows(session):
                ours.is_stray, ours.predecessor = True, dead
            raise
        return True

    def _is_stray(self, session: Any, ours: Pooled | None) -> bool:
        """Is it in no pool, and if it is one of ours, was it made for this one?"""
        if ours is None:
            return not self._lending.is_lent(session)
        return ours.is_stray and ours.home() is self.terms.home()

    def _take_in(self, session: Any, dead: Pooled | None) -> None:
        """Take a session in, in place of a lent one that died, or of one that was deleted, or in a vacant slot."""
        if self._lending.is_lent(dead):
            self._lending.adopt(session, dead)
        elif self._deleted:
            self._deleted.pop()
            self._lending.swap(session)
        else:
            self._lending.adopt(session, None)

    def is_never_asked(self) -> bool:
        """Would nobody ever ask for what is in the pool? The user is told, once, what goes past it."""
        past = work_past_the_pool(self.terms.client_database)
        is_never_asked = len(past) == len(SWITCHES)
        if past and not self._lending.is_filling:
            what = NEVER_USED if is_never_asked else USED_FOR_SOME.format(" and ".join(past))
            warn(what + WHAT_TO_DO.format(" and ".join(past.values())))
        return is_never_asked


class ClientPool(Beginning[Any, Any]):
    """What the client, and its sessions, call on a pool beyond its documented methods."""

    _has_to_be_closed = False  # Google's cannot be, so no program that was written for them does it
    _by_hand: ClassVar[type[Any]]
    """What asks sessions themselves, as long as there is no database."""
    _database_role: str | None
    _drop_in: DropIn | None = None

    @property
    def database_role(self) -> str | None:
        """The database role of the pool's sessions: its own, or else that of its database."""
        return self._database_role if self._drop_in is None else self._drop_in.terms.role

    @property
    def _resource_info(self) -> Any:
        """Where calls go, for the client's metrics."""
        return None if self._drop_in is None else getattr(self._drop_in.terms.client_database, "_resource_info", None)

    # What people's tests read of Google's pool.

    @property
    def _sessions(self) -> "Shelf":
        """How many sessions are idle; those that wait for a proof or for their end are not."""
        return Shelf(self.stats().idle, self.size)

    @property
    def _delta(self) -> timedelta:
        return timedelta(seconds=self.ping_interval)

    # What the client calls.

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

    async def _bind(self, database: Any, wait_for: int | None) -> None:
        """Prove what was put by hand long ago, so that it can be taken over as well."""
        if self._drop_in is None and self._desk.is_staffed:
            await self._ping()
        await super()._bind(database, wait_for)

    def _move_to(self, database: Any) -> None:
        put_before = self._taken_out() if self._drop_in is None else []
        super()._move_to(database)
        self._drop_in = DropIn(self._lending, database)
        for session in put_before:
            self._drop_in.terms.enlist(session)
            self._lending.adopt(session, None)

    def _took_in(self, session: Any) -> bool:
        """See to what is put without being lent."""
        return self._take_unbound(session) if self._drop_in is None else self._drop_in.took_in(session)

    def _take_unbound(self, session: Any) -> bool:
        """Before there is a database, take in whatever session somebody made by hand, as Google's pool does."""
        if self._drop_in is not None or self.closed or session is None or self._lending.knows(session):
            return False
        if not self._desk.is_staffed:
            super()._move_to(self._by_hand())
        self._lending.adopt(session, None)
        return True

    def _taken_out(self) -> list[Any]:
        """Return the sessions that were put before there was a database; the pool lets go of them."""
        desk = self._desk
        sessions: list[Any] = []
        while (session := desk.look(lambda: desk.ledger.check_out(desk.now(), None, 0))) is not None:
            self._lending.detach(session)
            sessions.append(session)
        return sessions

    def _fills_on_demand(self) -> bool:
        return (self._drop_in is not None and self._drop_in.is_never_asked()) or super()._fills_on_demand()


class Shelf(NamedTuple):
    """The idle sessions of a pool, as the queue in Google's pool is read; it cannot be taken from past the pool."""

    idle: int
    size: int

    def qsize(self) -> int:
        """Return how many there are."""
        return self.idle

    def empty(self) -> bool:
        """Is there none?"""
        return not self.idle

    def full(self) -> bool:
        """Is every session of the pool there?"""
        return self.idle == self.size


def checked_role(role: str | None) -> str | None:
    """Return the role, or say what is wrong with it."""
    if role is not None and not isinstance(role, str):
        raise TypeError(f"database_role must be a string; got {role!r}")
    return role


def checked_options(options: MoreOptions) -> MoreOptions:
    """Return the options by name, or say what to write for one of Google's other pools, or a slip."""
    refuse_database_options(options, (), "")
    options.setdefault("max_lifetime", LIFETIME)
    return options


def checked_database(database: Any, kind: type[Any], of_the_other_world: str) -> Any:
    """Return the client's `Database`, or what stands in for it in a test; or say that this is none of this world."""
    has_all = hasattr(database, "name") and hasattr(database, "spanner_api")
    if not has_all or is_from([of_the_other_world], database):
        raise TypeError(f"bind() takes a {kind.__module__}.{kind.__name__}, got {database!r:.200}")
    return database


def what_ended(session: Any, error: BaseException | None) -> BaseException | None:
    """Return what ended the life of the session, or at least the trust in it: what it knows itself, or this error."""
    death = session.death if isinstance(session, Pooled) else None
    if death is not None or error is None:
        return death
    if not isinstance(error, Exception) and not isinstance(error, GeneratorExit):
        return error  # an interrupt or a cancel: nobody knows what the session is doing
    return error if lost_session(error) == getattr(session, "name", None) is not None else None


def _nothing() -> None:
    """Stand for a session that is not there."""
