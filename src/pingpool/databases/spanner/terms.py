"""The terms on which sessions of one database are opened and proven, in either world.

Here is all that needs no answer from the server: what to ask, and with which deadline. Every call carries a
deadline and is made once: the client's own retries, of up to half a minute, are in the way of the pool's back-off.
"""

import weakref
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, ClassVar, TypeAlias

from google.cloud.spanner_v1.types import spanner as messages

from pingpool.databases.spanner.sessions import Home, Pooled
from pingpool.databases.spanner.tracing import blocks_for
from pingpool.databases.spanner.traits import SpannerTraits
from pingpool.databases.spanner.versions import KNOWS_ROLES, Metadata, looks_of, metadata_of, numbered, template_of
from pingpool.observer import Observer

STATEMENT = "SELECT 1"

Block: TypeAlias = AbstractContextManager[Callable[[], Any]]
"""A block that gives a call to be made in it."""


class Terms(SpannerTraits):
    """What is the same for every session of the client's `Database` object; two of one name are the same database.

    Args:
        database: the client's `Database`.
        role: the database role of the sessions; if not given, that of `database`.
        home: the pool that is to hear what its sessions learn about themselves, if it wants to.
        observer: a `ClientSpans` has a span made of each call.

    Raises:
        ValueError: there is a role, and the installed client is too old to know of roles.
    """

    google_kind: ClassVar[type[Any]]
    """The client's class of sessions."""
    pooled_kind: ClassVar[type[Any]]
    """Our subclass of that."""

    def __init__(
        self,
        database: Any,
        *,
        role: str | None = None,
        home: Home[Any] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.name = str(database.name)
        self.client_database = database
        self.role = role or role_of(database)
        if self.role and not KNOWS_ROLES:
            raise ValueError("this version of google-cloud-spanner knows no database roles; 3.28 and later do")
        self.home: Callable[[], Home[Any] | None] = _nobody if home is None else weakref.ref(home)
        self._blocks = blocks_for(observer, database)

    # Sessions.

    def new_session(self, labels: Mapping[str, str]) -> Any:
        """Return the object of a session that is not open yet."""
        return self.pooled_kind(self.home, self.client_database, **looks_of(labels, self.role))

    def owns(self, session: Any) -> bool:
        """Is this an open session of this database that is for one holder at a time?"""
        return (
            isinstance(session, self.google_kind)
            and getattr(session, "session_id", None) is not None
            and not getattr(session, "is_multiplexed", False)
            and name_of(session).partition("/sessions/")[0] == self.name
        )

    def enlist(self, session: Any) -> None:
        """Let a session that somebody made by hand tell the pool, from now on, what it learns about itself."""
        if type(session) is self.google_kind:
            session.__class__ = self.pooled_kind
            session.home = self.home

    # Calls to the server, in either world: a block for each, which gives what is to be called in it, once.

    def opening(self, api: Any, count: int, labels: Mapping[str, str], timeout: float) -> Block:
        """Open so many sessions that carry the labels and the role; `opened` reads the answer, in the block too."""
        request = messages.BatchCreateSessionsRequest(
            database=self.name, session_count=count, session_template=template_of(labels, self.role)
        )
        return self._calling(
            api, "batch_create_sessions", timeout, partial(self._blocks.opening, count), request=request
        )

    def opened(self, asked: int, answer: Any) -> list[str]:
        """Return the ids of the sessions that the server opened; so many were asked for."""
        ids = [str(session.name).rpartition("/")[2] for session in answer.session]
        self._blocks.opened(len(ids), asked)
        return ids

    def looking_up(self, api: Any, session: Any, timeout: float) -> Block:
        """Ask whether a session exists."""
        block = partial(self._blocks.looking_up, session)
        return self._calling(api, "get_session", timeout, block, name=name_of(session))

    def keeping_alive(self, api: Any, session: Any, timeout: float) -> Block:
        """Run a statement that leaves nothing open: only those keep a session alive on the server."""
        request = messages.ExecuteSqlRequest(session=name_of(session), sql=STATEMENT)
        return self._calling(api, "execute_sql", timeout, partial(self._blocks.keeping_alive, session), request=request)

    def ending(self, api: Any, session: Any, timeout: float) -> Block:
        """End a session."""
        block = partial(self._blocks.ending, session)
        return self._calling(api, "delete_session", timeout, block, name=name_of(session))

    @contextmanager
    def _calling(
        self,
        api: Any,
        method: str,
        timeout: float,
        block: Callable[[Metadata], AbstractContextManager[Any]],
        **what: Any,
    ) -> Generator[Callable[[], Any]]:
        """Make one call within `timeout` seconds, with what goes along with it."""
        metadata = metadata_of(self.client_database, method)
        with block(metadata):
            metadata, augmented = numbered(self.client_database, metadata)
            with augmented:
                yield partial(getattr(api, method), **what, metadata=metadata, retry=None, timeout=timeout)

    def __eq__(self, other: object) -> bool:
        """Two of one name are the same database."""
        return isinstance(other, Terms) and other.name == self.name

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.name)

    def __repr__(self) -> str:
        """Name the database."""
        return f"{type(self).__name__}({getattr(self, 'name', '...')!r})"


def role_of(database: Any) -> str | None:
    """Return the role of the client's `Database`, if it has one; a mock has anything."""
    role = getattr(database, "database_role", None)
    return role if isinstance(role, str) else None


def name_of(session: Any) -> str:
    """Return the name by which the server knows a session."""
    return str(session.name)


def is_known_to_be_gone(session: Any) -> bool:
    """Would it be in vain to ask the server to end this session?"""
    return isinstance(session, Pooled) and session.death is not None


def noticing_death(session: Any) -> AbstractContextManager[None]:
    """Return the block in which a session of ours learns that it is gone."""
    return session.noticing_its_death() if isinstance(session, Pooled) else nullcontext()


def _nobody() -> None:
    """No pool wants to hear of it."""
