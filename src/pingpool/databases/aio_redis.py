"""Redis and Valkey for asyncio: what is pooled is the driver's raw `redis.asyncio.Connection`, one socket each.

The driver reconnects such a connection without a word when it finds it closed; here it refuses to, because another
socket would be another session. `client_on` makes a client that speaks on the connection that was lent, and no other:

    async with pool.session() as connection:
        await client_on(connection).incr("visits")
"""

import asyncio
import importlib
import weakref
from collections.abc import Mapping
from typing import Any, TypeAlias

from pingpool.database import AsyncDatabase
from pingpool.databases import redis
from pingpool.databases.credentials import AsyncPassword, asked_async
from pingpool.databases.redis_answers import AsyncOwing, all_pushes, has_read_ahead, owing
from pingpool.databases.sockets import Look, look_through

Session: TypeAlias = Any
"""A `redis.asyncio.Connection` or `valkey.asyncio.Connection`, or one of their kinds."""


class AsyncRedis(AsyncDatabase[Session]):
    """The sessions of one Redis or Valkey database; the arguments are those of `databases.redis.Redis`.

        pool = await pingpool.open_async(AsyncRedis("cache", db=1, password=read_secret, ssl=True))

    Raises:
        BadURL: an option makes no sense.
    """

    def __init__(self, *place: Any, password: AsyncPassword = None, **options: Any) -> None:
        """Connect to nothing yet."""
        identity: Any = password  # the twin for threads only compares it
        self._twin: Any = redis.Redis(*place, password=identity, **options)

    @classmethod
    def like(cls, twin: redis.Redis) -> "AsyncRedis":
        """Return a database that does as this one for threads does, with the driver's other half."""
        database = cls()
        database._twin = twin
        return database

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect and introduce. The labels become the client's name, seen in `CLIENT LIST`."""
        twin = self._twin
        kinds = importlib.import_module(f"{twin._driver.__name__}.asyncio.connection")
        kind = owing(getattr(kinds, twin._kind.__name__), AsyncOwing, twin._driver.ResponseError)
        session = kind(**twin._place, **twin._introduction(labels, await asked_async(twin._password)))
        session.retry = no_retry(twin._driver)
        try:
            with twin._naming_timeouts():
                async with asyncio.timeout(redis.PATIENCE * timeout):
                    await session.connect()
        except BaseException:
            await session.disconnect(nowait=True)
            raise
        redis.never_again(session)
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send a PING and wait for its answer, and no other; a closed connection is not opened again."""
        if not session.is_connected:
            raise self._twin._driver.ConnectionError("the connection is closed")
        await session.send_command("PING", check_health=False)
        answer = await session.read_response()
        if answer not in (b"PONG", "PONG"):
            raise self._twin._driver.ConnectionError(f"the last holder left an answer unread: {answer!r:.100}")

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection."""
        await session.disconnect(nowait=True)

    def glance(self, session: Session) -> bool:
        """Is the connection open, for all that the loop has heard and the system knows, and no answer on its way?

        Push messages are no answers; those that the loop has not read yet cannot be told from answers.
        """
        reader = session._reader
        if session.owes or reader is None or reader.at_eof() or reader.exception() is not None:
            return False
        if has_read_ahead(session._parser) or not all_pushes(bytes(reader._buffer)):
            return False
        return look_through(session._writer.transport) is Look.QUIET

    def needs_reset(self, session: Session) -> bool:
        """Is an answer still to come? Did the client's user leave a pipeline with a WATCH, or a subscription, open?"""
        client = _clients.get(session)
        return session.owes or (client is not None and bool(client.connection_pool.borrowers))

    async def reset(self, session: Session, *, timeout: float) -> None:
        """Vouch for nothing: what has not let go of the connection may yet speak on it, whoever has it then."""
        self._twin.reset(session, timeout=timeout)

    def is_lost(self, error: BaseException) -> bool:
        """Is it the driver's word for trouble with the connection? The driver has closed it then."""
        return bool(self._twin.is_lost(error))

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint (it is busy with a script)?"""
        return bool(self._twin.is_transient(error))

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        return bool(self._twin.is_fatal(error))

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        return f"Async{self._twin!r}"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, AsyncRedis) and bool(other._twin == self._twin)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._twin)


def no_retry(driver: Any) -> Any:
    """Return the driver's way of not trying again: that is the pool's business."""
    retry = importlib.import_module(f"{driver.__name__}.asyncio.retry").Retry
    return retry(importlib.import_module(f"{driver.__name__}.backoff").NoBackoff(), 0)


class Sole:
    """A pool of one connection, as the driver's client wants to see a pool. It does not keep the connection alive."""

    def __init__(self, session: Session) -> None:
        """Lend this connection, each time."""
        self.borrowers = 0
        self._session = weakref.ref(session)
        self._encoder = session.encoder
        self.connection_kwargs = {"protocol": session.protocol}

    async def get_connection(self, *names: object, **options: object) -> Session:
        """Lend the connection."""
        self.borrowers += 1
        return self._session()

    async def release(self, connection: Session) -> None:
        """Take it back."""
        self.borrowers -= 1

    def get_encoder(self) -> Any:
        """Return how it writes values."""
        return self._encoder

    def get_protocol(self) -> Any:
        """Return the version of the protocol that it speaks."""
        return self.connection_kwargs["protocol"]

    async def aclose(self) -> None:
        """Leave the connection open: it belongs to the pool that lent it."""

    async def disconnect(self, *options: object, **more: object) -> None:
        """Leave the connection open: it belongs to the pool that lent it."""


_clients: weakref.WeakKeyDictionary[Session, Any] = weakref.WeakKeyDictionary()


def client_on(session: Session) -> Any:
    """Return the `redis.asyncio.Redis` or `valkey.asyncio.Valkey` that speaks on this connection, and on no other.

    It serves as long as the connection is lent. Once the connection is lost, it raises `ConnectionError`.
    """
    client = _clients.get(session)
    if client is None:
        driver: Any = importlib.import_module(f"{redis.driver_of(session).__name__}.asyncio")
        kind: Any = getattr(driver, "Valkey", None) or driver.Redis
        client = _clients[session] = kind(connection_pool=Sole(session))
    return client


def from_url(url: str) -> AsyncRedis:
    """Return the database that a URL names, as `databases.redis.from_url` reads it.

    Raises:
        BadURL: the URL makes no sense.
    """
    return AsyncRedis.like(redis.from_url(url))
