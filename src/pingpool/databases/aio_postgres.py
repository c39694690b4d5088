"""PostgreSQL for asyncio, by psycopg 3: what is pooled is `psycopg.AsyncConnection`.

The connection is looked at and judged as `databases.postgres` does it: both kinds rest on the same libpq.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from pingpool.database import AsyncDatabase
from pingpool.databases.credentials import AsyncPassword, asked_async
from pingpool.databases.postgres import Postgres, pass_notifications_on, refuse_unfinished

try:
    import psycopg
    from psycopg.generators import execute
except ImportError as missing:
    raise ImportError(f'PostgreSQL needs psycopg: pip install "pingpool[postgres]" ({missing})') from missing

Session: TypeAlias = "psycopg.AsyncConnection[Any]"


class AsyncPostgres(AsyncDatabase[Session]):
    """The sessions of one PostgreSQL database; the arguments are those of `databases.postgres.Postgres`.

    The function for the password may be a coroutine function.

        pool = await pingpool.open_async(AsyncPostgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    def __init__(
        self,
        conninfo: str = "",
        *,
        password: AsyncPassword = None,
        discard_all: bool = False,
        **options: Any,
    ) -> None:
        """Connect to nothing yet."""
        self._twin: Any = Postgres(conninfo, discard_all=discard_all, **options)
        self._password = password
        self._discard_all = discard_all

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels become part of the `application_name`, seen in `pg_stat_activity` and in the log."""
        password = await asked_async(self._password)
        return await psycopg.AsyncConnection.connect(**self._twin.arguments(labels, timeout, password))

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; it opens no transaction."""
        connection = session.pgconn
        connection.send_query(b"")
        answers = await session.wait(execute(connection))
        pass_notifications_on(connection)
        for result in answers:
            if result.status != psycopg.pq.ExecStatus.EMPTY_QUERY:
                raise psycopg.errors.error_from_result(result)
        if connection.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("the server hung up after its answer to a ping")

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye and close the connection; the server rolls back what is open."""
        await session.close()

    def glance(self, session: Session) -> bool:
        """Is the socket quiet, or does it bring nothing worse than a notice?"""
        return bool(self._twin.glance(session))

    def needs_reset(self, session: Session) -> bool:
        """Is a transaction or a pipeline open, or a statement under way?"""
        return bool(self._twin.needs_reset(session))

    async def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back; with `discard_all` also clear it. One inside a statement or a pipeline is beyond that."""
        refuse_unfinished(session.pgconn)
        await session.rollback()
        if self._discard_all:
            own = session.autocommit
            await session.set_autocommit(True)
            await session.execute("DISCARD ALL", prepare=False)
            await session.set_autocommit(own)

    def is_lost(self, error: BaseException) -> bool:
        """Did the server say its last words, or did the driver find the connection broken?"""
        return bool(self._twin.is_lost(error))

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint?"""
        return bool(self._twin.is_transient(error))

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        return bool(self._twin.is_fatal(error))

    def is_down(self, error: BaseException) -> bool:
        """Did nobody listen, at any of the hosts?"""
        return bool(self._twin.is_down(error))

    def resync(self, session: Session) -> bool:
        """Vouch for a session whose holder was cancelled, if it is in no statement: psycopg has cancelled that."""
        return bool(self._twin.resync(session))

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        return f"Async{self._twin!r}"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, AsyncPostgres) and (other._twin, other._password) == (self._twin, self._password)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._twin)


def from_url(url: str) -> AsyncPostgres:
    """Return the database that a `postgresql://` or `postgres://` URL names, with the options that libpq knows.

    Raises:
        BadURL: the URL makes no sense.
    """
    return AsyncPostgres(url)
