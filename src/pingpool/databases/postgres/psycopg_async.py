"""PostgreSQL for asyncio, by psycopg 3: what is pooled is `psycopg.AsyncConnection`."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import psycopg
from psycopg.generators import execute

from pingpool.database import AsyncDatabase
from pingpool.databases.common.credentials import AsyncPassword, asked_async
from pingpool.databases.postgres.traits import PsycopgTraits, refuse_unfinished

Session: TypeAlias = "psycopg.AsyncConnection[Any]"


class AsyncPostgres(PsycopgTraits[Session, AsyncPassword], AsyncDatabase[Session]):
    """The sessions of one PostgreSQL database; the arguments are those of `Postgres`.

    The function for the password may be a coroutine function.

        pool = await pingpool.open_async(AsyncPostgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen in the `application_name`."""
        password = await asked_async(self._password)
        moves = self._roles.moves
        session = await psycopg.AsyncConnection.connect(**self.arguments(labels, timeout, password))
        self._roles.settle(session, moves)
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; it opens no transaction."""
        moves = self._roles.moves
        session.pgconn.send_query(self.question_for(session))
        self.read_answers(session, await session.wait(execute(session.pgconn)), moves)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open."""
        await session.close()

    async def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back, and clear the session if asked to; raises inside a statement or a pipeline."""
        refuse_unfinished(session.pgconn)
        await session.rollback()
        if self._discard_all:
            own = session.autocommit
            await session.set_autocommit(True)
            await session.execute("DISCARD ALL", prepare=False)
            session._prepared.clear()  # psycopg notices it the first time only
            await session.set_autocommit(own)
