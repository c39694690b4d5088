"""The sessions of one Cloud Spanner database, opened, proven and ended over the asyncio API of Google's client.

What is asked, and what the answers mean, is as in `databases.spanner.database`; here it is awaited.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from google.api_core.exceptions import NotFound
from google.cloud.spanner_v1._async.session import Session

from pingpool.database import AsyncDatabase
from pingpool.databases.spanner.aio.sessions import AsyncPooledSession
from pingpool.databases.spanner.terms import Terms, is_known_to_be_gone, noticing_death


class AsyncSpannerDatabase(Terms, AsyncDatabase[Session]):
    """Opens the sessions of a `Database` object of the client's `AsyncClient`.

    The arguments are those of `databases.spanner.SpannerDatabase`. It may be made anywhere; the event loop in which it
    is first used is the one that its connection to the server belongs to.

    Raises:
        ValueError: there is a role, and the installed client is too old to know of roles.
    """

    google_kind = Session
    pooled_kind = AsyncPooledSession

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Open one session."""
        return (await self.create_many(1, labels=labels, timeout=timeout))[0]

    async def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[Session]:
        """Open up to `count` sessions that carry the labels and the role; the server may give fewer."""
        ids = await self.open(count, labels=labels, timeout=timeout)
        return [self.new_session(labels).opened_as(session_id) for session_id in ids]

    async def open(self, count: int, *, labels: Mapping[str, str], timeout: float) -> list[str]:
        """Open up to `count` sessions on the server, and return their ids."""
        with self.opening(self.client_database.spanner_api, count, labels, timeout) as call:
            return self.opened(count, await call())

    async def check(self, session: Session, *, timeout: float) -> None:
        """Prove that the session exists, to somebody who waits for it and will keep it alive by using it."""
        with noticing_death(session), self.looking_up(self.client_database.spanner_api, session, timeout) as call:
            await call()

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Prove the session, and keep it alive, by a statement that leaves nothing open."""
        with noticing_death(session), self.keeping_alive(self.client_database.spanner_api, session, timeout) as call:
            await call()

    async def delete(self, session: Session, *, timeout: float) -> None:
        """End the session; one that is known to be gone costs no call."""
        if not is_known_to_be_gone(session):
            with suppress(NotFound), self.ending(self.client_database.spanner_api, session, timeout) as call:
                await call()
