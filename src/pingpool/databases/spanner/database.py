"""The sessions of one Cloud Spanner database, opened, proven and ended over the API of Google's client.

Every call carries a deadline and is made once: the client's own retries, which may take half a minute, stay out of the
way of the pool's back-off. Sessions are made in batches. A ping is a real statement, since only those keep a session
alive on the server; a check for somebody who waits asks whether the session exists, which no cache answers.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud.spanner_v1.session import Session
from google.cloud.spanner_v1.types import spanner as messages

from pingpool.database import Database
from pingpool.databases.spanner import errors
from pingpool.databases.spanner.sessions import Home, PooledSession
from pingpool.databases.spanner.versions import KNOWS_ROLES, looks_of, metadata_of, template_of

STATEMENT = "SELECT 1"


class SpannerDatabase(Database[Session]):
    """Opens the sessions of the client's `Database` object; two of these with one name are the same database.

    Args:
        database: Google's `google.cloud.spanner_v1.database.Database`.
        role: the database role of the sessions; if not given, that of `database`.
        home: the pool that is to hear what its sessions learn about themselves, if it wants to.

    Raises:
        ValueError: there is a role, and the installed client is too old to know of roles.
    """

    def __init__(self, database: Any, *, role: str | None = None, home: Home | None = None) -> None:
        """Make no call yet."""
        self.name: str = database.name
        self.client_database = database
        self.role: str | None = role or getattr(database, "database_role", None)
        if self.role and not KNOWS_ROLES:
            raise ValueError("this version of google-cloud-spanner knows no database roles; 3.28 and later do")
        self._home: Callable[[], Home | None] = _nobody if home is None else weakref.ref(home)
        self._api: Any = database.spanner_api  # made here, because the client would make one in each thread of the crew

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Open one session."""
        return self.create_many(1, labels=labels, timeout=timeout)[0]

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[Session]:
        """Open up to `count` sessions that carry the labels and the role; the server may give fewer."""
        ids = self.open(count, labels=labels, timeout=timeout)
        return [self.new_session(labels).opened_as(session_id) for session_id in ids]

    def open(self, count: int, *, labels: Mapping[str, str], timeout: float) -> list[str]:
        """Open up to `count` sessions on the server, and return their ids."""
        request = messages.BatchCreateSessionsRequest(
            database=self.name, session_count=count, session_template=template_of(labels, self.role)
        )
        made = self._call("batch_create_sessions", timeout, request=request)
        return [session.name.rpartition("/")[2] for session in made.session]

    def new_session(self, labels: Mapping[str, str]) -> PooledSession:
        """Return the object of a session that is not open yet."""
        return PooledSession(self._home, self.client_database, **looks_of(labels, self.role))

    def owns(self, session: Any) -> bool:
        """Is this an open session of this database that is for one holder at a time?"""
        return (
            isinstance(session, Session)
            and session.session_id is not None
            and not getattr(session, "is_multiplexed", False)
            and name_of(session).partition("/sessions/")[0] == self.name
        )

    def check(self, session: Session, *, timeout: float) -> None:
        """Prove that the session exists, to somebody who waits for it and will keep it alive by using it."""
        with noticing_death(session):
            self._call("get_session", timeout, name=name_of(session))

    def ping(self, session: Session, *, timeout: float) -> None:
        """Prove the session, and keep it alive, by a statement that leaves nothing open."""
        request = messages.ExecuteSqlRequest(session=name_of(session), sql=STATEMENT)
        with noticing_death(session):
            self._call("execute_sql", timeout, request=request)

    def delete(self, session: Session, *, timeout: float) -> None:
        """End the session; one that is known to be gone costs no call."""
        if getattr(session, "death", None) is None:
            with suppress(NotFound):
                self._call("delete_session", timeout, name=name_of(session))

    def is_lost(self, error: BaseException) -> bool:
        """Does the error come from a session that the server no longer knows?"""
        return errors.lost_session(error) is not None

    def is_transient(self, error: BaseException) -> bool:
        """Does the error tell of the server's trouble, and not of the session?"""
        return errors.is_transient(error)

    def is_fatal(self, error: BaseException) -> bool:
        """Is the database not there, or closed to us?"""
        return errors.is_fatal(error)

    def _call(self, method: str, timeout: float, **request: Any) -> Any:
        """Make one call, once, within `timeout` seconds."""
        metadata, augmented = metadata_of(self.client_database, method)
        with augmented:
            return getattr(self._api, method)(**request, metadata=metadata, retry=None, timeout=timeout)

    def __eq__(self, other: object) -> bool:
        """Two of one name are the same database."""
        return isinstance(other, SpannerDatabase) and other.name == self.name

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.name)

    def __repr__(self) -> str:
        """Name the database."""
        return f"SpannerDatabase({self.name!r})"


def name_of(session: Any) -> str:
    """Return the name by which the server knows a session."""
    return str(session.name)


def noticing_death(session: Session) -> AbstractContextManager[None]:
    """Return the block in which a session of ours learns that it is gone."""
    return session.noticing_its_death() if isinstance(session, PooledSession) else nullcontext()


def _nobody() -> None:
    """No pool wants to hear of it."""
