"""The sessions of one Cloud Spanner database, opened, proven and ended over the API of Google's client.

Sessions are made in batches. A ping is a real statement, since only those keep a session alive on the server; a check
for somebody who waits asks whether the session exists, which no cache answers.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud.spanner_v1.session import Session

from pingpool.database import Database
from pingpool.databases.spanner.sessions import Home, PooledSession
from pingpool.databases.spanner.terms import Terms, is_known_to_be_gone, noticing_death
from pingpool.observer import Observer


class SpannerDatabase(Terms, Database[Session]):
    """Opens the sessions of the client's `Database` object; two of these with one name are the same database.

    Args:
        database: Google's `google.cloud.spanner_v1.database.Database`.
        role: the database role of the sessions; if not given, that of `database`.
        home: the pool that is to hear what its sessions learn about themselves, if it wants to.
        observer: a `ClientSpans` has a span made of each call.

    Raises:
        ValueError: there is a role, and the installed client is too old to know of roles.
    """

    google_kind = Session
    pooled_kind = PooledSession

    def __init__(
        self,
        database: Any,
        *,
        role: str | None = None,
        home: Home[str] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Make no call yet."""
        super().__init__(database, role=role, home=home, observer=observer)
        self._api: Any = (
            database.spanner_api
        )  # made here, because the client would make one in each of the pool's threads

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Open one session."""
        return self.create_many(1, labels=labels, timeout=timeout)[0]

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[Session]:
        """Open up to `count` sessions that carry the labels and the role; the server may give fewer."""
        ids = self.open(count, labels=labels, timeout=timeout)
        return [self.new_session(labels).opened_as(session_id) for session_id in ids]

    def open(self, count: int, *, labels: Mapping[str, str], timeout: float) -> list[str]:
        """Open up to `count` sessions on the server, and return their ids."""
        with self.opening(self._api, count, labels, timeout) as call:
            return self.opened(count, call())

    def check(self, session: Session, *, timeout: float) -> None:
        """Prove that the session exists, to somebody who waits for it and will keep it alive by using it."""
        with noticing_death(session), self.looking_up(self._api, session, timeout) as call:
            call()

    def ping(self, session: Session, *, timeout: float) -> None:
        """Prove the session, and keep it alive, by a statement that leaves nothing open."""
        with noticing_death(session), self.keeping_alive(self._api, session, timeout) as call:
            call()

    def delete(self, session: Session, *, timeout: float) -> None:
        """End the session; one that is known to be gone costs no call."""
        if not is_known_to_be_gone(session):
            with suppress(NotFound), self.ending(self._api, session, timeout) as call:
                call()
