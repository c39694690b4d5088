"""A client of redis-py or valkey-py on the connection that a pool lent, and on no other, in either world.

with pool.session() as connection:
    client_on(connection).incr("visits")

async with pool.session() as connection:
    await client_on(connection).incr("visits")
"""

import functools
import importlib
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from pingpool.databases.common.records import Records

CLOSED = "the session is lost: its connection is closed"

CHANGES_A_TABLE = ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update")

_clients: Records[Any] = Records()


def client_on(session: Any) -> Any:
    """Return the driver's client that speaks on this connection; for asyncio, if the connection is.

    It serves as long as the connection is lent, for all that needs one connection: commands, pipelines, WATCH,
    scripts. Once the connection is lost, it raises `ConnectionError`.
    """
    client = _clients.of(session)
    if client is None:
        driver = driver_of(session)
        is_async = ".asyncio." in type(session).__module__
        clients = importlib.import_module(f"{driver.__name__}.asyncio") if is_async else driver
        kind = getattr(clients, "Valkey", None) or clients.Redis
        sole = (AsyncSole if is_async else ThreadSole)(session)
        client = kind(connection_pool=sole)
        client.response_callbacks = noting(client.response_callbacks.__class__)(client.response_callbacks)
        sole.client_as_made = {**vars(client)}
        _clients.note(session, client)  # last: an interrupt before this leaves no client that notes nothing
    return client


def is_borrowed(session: Any) -> bool:
    """Does something of the connection's client still hold on to it: a pipeline that watches, a subscription?"""
    client = _clients.of(session)
    return client is not None and bool(client.connection_pool.borrowers)


def is_altered(session: Any) -> bool:
    """Did a holder teach the connection's client to take answers otherwise, or set anything on it?"""
    client = _clients.of(session)
    if client is None:
        return False
    attributes: dict[str, Any] = client.__dict__
    return bool(client.response_callbacks.is_altered) or attributes != client.connection_pool.client_as_made


@functools.cache
def noting(kind: Any) -> Any:
    """Return this kind of table of callbacks as one that notes whether it is changed once it is made."""

    def begin(table: Any, entries: Any) -> None:
        kind.__init__(table, entries)
        table.is_altered = False

    def noted(name: str) -> Any:
        def change(table: Any, *arguments: Any) -> Any:
            table.is_altered = True
            return getattr(kind, name)(table, *arguments)

        return change

    return type("Callbacks", (kind,), {"__init__": begin, **{name: noted(name) for name in CHANGES_A_TABLE}})


def forget_client(session: Any) -> None:
    """Have the next holder get a new client."""
    _clients.drop(session)


def never_again(session: Any) -> None:
    """Forbid a connection to reconnect, as drivers do without a word: it would be another session."""
    setattr(session, f"{driver_of(session).__name__}_connect_func", refuse_to_reconnect)


def refuse_to_reconnect(session: Any) -> NoReturn:
    """Stand in for the introduction on a new socket: there is to be none."""
    raise driver_of(session).ConnectionError(CLOSED)


def driver_of(session: Any) -> Any:
    """Return the driver that made this connection."""
    return importlib.import_module(type(session).__module__.partition(".")[0])


class Sole:
    """A pool of one connection, for the driver's client. It does not keep the connection alive."""

    def __init__(self, session: Any) -> None:
        self.borrowers = 0  # a command is one until it is done, a pipeline that watches until it is closed
        self.client_as_made: dict[str, Any] = {}
        self._session = weakref.ref(session)
        self._driver = driver_of(session)
        self._encoder = session.encoder
        self.connection_kwargs = {
            "protocol": session.protocol,
            "decode_responses": session.encoder.decode_responses,
            "encoding": session.encoder.encoding,
            "encoding_errors": session.encoder.encoding_errors,
            "legacy_responses": getattr(session, "legacy_responses", True),
        }

    def borrow(self, is_open: Callable[[Any], bool]) -> Any:
        """Return the connection, and count who uses it."""
        session = self._session()
        if session is None or not is_open(session):
            raise self._driver.ConnectionError(CLOSED)
        self.borrowers += 1
        return session

    def get_encoder(self) -> Any:
        """Return how it writes values."""
        return self._encoder

    def get_protocol(self) -> Any:
        """Return the version of the protocol that it speaks."""
        return self.connection_kwargs["protocol"]


class ThreadSole(Sole):
    """The one for threads. What would close the connection leaves it open: it belongs to the pool that lent it."""

    def get_connection(self, *names: object, **options: object) -> Any:
        """Lend the connection, unless it is closed: another would be another session."""
        return self.borrow(lambda session: session._sock is not None)

    def release(self, connection: Any) -> None:
        """Take it back."""
        self.borrowers -= 1

    def close(self) -> None:
        """Leave the connection open."""

    def disconnect(self, *options: object, **more: object) -> None:
        """Leave the connection open."""


class AsyncSole(Sole):
    """The one for asyncio."""

    async def get_connection(self, *names: object, **options: object) -> Any:
        """Lend the connection, unless it is closed: another would be another session."""
        return self.borrow(lambda session: bool(session.is_connected))

    async def release(self, connection: Any) -> None:
        """Take it back."""
        self.borrowers -= 1

    async def aclose(self) -> None:
        """Leave the connection open."""

    async def disconnect(self, *options: object, **more: object) -> None:
        """Leave the connection open."""
