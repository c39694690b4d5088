"""MySQL and MariaDB for asyncio, by aiomysql: what is pooled is `aiomysql.Connection`."""

import asyncio
import inspect
import ssl
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from typing import Any, TypeAlias

from pingpool.database import Meaning
from pingpool.databases.common.addresses import Address, Host, Port
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import AsyncConfigure, AsyncConfigured, to_configure
from pingpool.databases.common.credentials import AsyncPassword, asked_async
from pingpool.databases.common.labels import as_text, cut
from pingpool.databases.common.resets import AsyncReset, Resets
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import QUIET, descriptor_through, look_through
from pingpool.databases.common.urls import check_files, check_names
from pingpool.databases.mysql import tls
from pingpool.databases.mysql.leftovers import (
    Recorded,
    is_busy,
    is_in_transaction,
    refuse_busy,
    refusing_what_stays,
    unless_there_is_no_such_function,
)
from pingpool.databases.mysql.options import check_charset, driver, named, on_the_wire, placed
from pingpool.databases.mysql.places import SHOW_SESSIONS, Place, Places
from pingpool.databases.mysql.record import RELEASE_LOCKS, UNLOCK
from pingpool.databases.mysql.traits import ASK_FOR_ROLE, CANNOT_CONNECT, MySQLTraits, takes_writes
from pingpool.databases.mysql.turns import Connection
from pingpool.text import escaped

aiomysql: Any = import_module("aiomysql")  # it has no types

Session: TypeAlias = Any
"""An `aiomysql.Connection`."""

GOODBYE = b"\x01\0\0\0\x01"
"""A packet with the protocol's command to quit."""

ROOM = 160
"""Bytes of `program_name` that are sent: aiomysql can write 250 of attributes in all, its own among them."""


SETTINGS = (
    *("cursorclass", "encoders", "decoders", "use_unicode", "_charset", "_encoding"),
    *("autocommit_mode", "sql_mode", "init_command"),
)
"""What a holder may set on the connection itself; the last three count when it connects anew."""


class AsyncMySQL(Recorded, MySQLTraits, AsyncConfigured[Session]):
    """The sessions of one MySQL or MariaDB database.

        pool = await pingpool.open_async(AsyncMySQL("db", user="shop", password=read_secret, database="shop"))

    Args:
        host, port, user, database: where to connect; host and port may be functions, also coroutine functions, as
            `MySQL` takes them.
        password: the password, or a function, also a coroutine function, that is asked for it each time a session is
            opened.
        role: "primary", a node that takes writes, or "any"; as `MySQL` takes it.
        reset: "rollback", "full", or a function, also a coroutine function, of the session; as `MySQL` takes it.
        configure: a function, also a coroutine function, of the session that sets a new one up; as `MySQL` takes it.
        **options: whatever else `aiomysql.connect` takes: `autocommit`, `charset`, `init_command`, ... For TLS
            PyMySQL's words: `ssl_ca`, `ssl_verify_identity`, ..., `ssl_disabled`, or an `ssl.SSLContext` as `ssl`.

    Raises:
        BadURL: an option makes no sense.
    """

    DRIVERS = ("aiomysql",)

    def __init__(
        self,
        host: Host = None,
        port: Port = None,
        *,
        user: str | None = None,
        password: AsyncPassword = "",
        database: str | None = None,
        role: Role = "primary",
        reset: AsyncReset = "rollback",
        configure: AsyncConfigure = None,
        **options: Any,
    ) -> None:
        check_names(options, self.driver_options(), "aiomysql")
        check_charset(options.get("charset"))
        check_files(options, tls.FILES)
        words = {name: options.pop(name) for name in tls.OPTIONS if name in options}
        self._where = placed({"host": host, "port": port, "user": user, "database": database, **options})
        self._address = Address(host=self._where["host"], port=self._where["port"])
        self._password = password
        self._roles = Roles(role)
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        self._attributes = Attributes(*SETTINGS)
        self._places = Places(self.descriptor_of)
        asked = tls.context_of(words)
        self._insists_on_tls = asked is not None
        self._tls = asked or (None if words.get("ssl_disabled") else unverified())
        self._identity = (self._where, password, role, reset, configure, words)

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that aiomysql takes, and PyMySQL's for TLS."""
        return {*inspect.signature(aiomysql.connect).parameters, *tls.OPTIONS} - {"db", "loop"}

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen as `program_name` in `session_connect_attrs`."""
        return await self._open(await self._address.now_async(), labels, timeout)

    async def _open(self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float) -> Session:
        moves = self._roles.moves
        where: dict[str, Any] = {**self._where, **address}
        where["host"], where["port"] = where["host"] or "localhost", where["port"] or 3306
        where["db"] = where.pop("database")
        limit = min(timeout, where.pop("connect_timeout", None) or timeout)
        where["program_name"] = cut(escaped(as_text(labels, after=where.get("program_name"))), ROOM)
        secret = on_the_wire(await asked_async(self._password))
        password = secret.decode("latin-1")  # as which aiomysql will write it
        session = Connection(**where, password=password, ssl=self._tls)
        session.insists_on_tls = self._insists_on_tls
        try:
            with naming_causes(session, limit):
                async with asyncio.timeout(limit):
                    await session.connect()
        except BaseException:
            session.close()
            raise
        self.remember(session)
        self._roles.settle(session, moves)
        return session

    def remember(self, session: Session) -> None:
        """Note where a new session is, and what a holder may change."""
        self._places.note(session)
        super().remember(session)

    async def keep(self, session: Session) -> None:
        """Commit what was set, unless it is known that no transaction is open."""
        if is_in_transaction(session) is not False:
            await session.commit()

    def in_transaction(self, session: Session) -> bool:
        """Is a transaction open, by the server's last answer? It may have read only."""
        return is_in_transaction(session) is True

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send the protocol's own ping; never reconnect."""
        moves = self._roles.moves
        refuse_busy(session)
        if self._roles.has_to_be_asked(session):
            async with session.cursor() as cursor:
                await cursor.execute(ASK_FOR_ROLE)
                refuse_wrong_node(takes_writes(await cursor.fetchall()))
        else:
            await session.ping(reconnect=False)
        self._roles.settle(session, moves)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye and hang up, waiting for nothing. What still runs at the server is ended first."""
        if is_busy(session):
            place = self._places.of(session)
            session.hang_up()
            await self._end_at_server({"host": session.host, "port": session.port}, place, timeout)
        elif not session.closed:
            session._writer.write(GOODBYE)
            session.close()

    async def _end_at_server(self, address: Mapping[str, Any], place: Place, timeout: float) -> None:
        """End a session and its statement by another connection, as far as that can be done."""
        with suppress(Exception):
            other = await self._open(address, {}, timeout)
            with closing(other):
                async with other.cursor() as cursor:
                    await cursor.execute(SHOW_SESSIONS)
                    if place.is_among(await cursor.fetchall()):
                        await cursor.execute(place.end_it())

    def descriptor_of(self, session: Session) -> int | None:
        """Return the descriptor of a session that is open."""
        return None if session._writer is None else descriptor_through(session._writer.transport)

    def looks_alive(self, session: Session) -> bool:
        """Is the stream quiet, to the loop and to the system? Unasked, this protocol only says goodbye."""
        reader = session._reader
        if (
            session.turn is not None
            or reader is None
            or reader._buffer
            or reader.at_eof()
            or reader.exception() is not None
        ):
            return False
        return look_through(session._writer.transport) is QUIET

    async def reset(self, session: Session, *, timeout: float) -> bool:
        """Roll back, and undo what else was asked for. A session with an answer unread is beyond that."""
        refuse_busy(session)
        with refusing_what_stays():
            await session.rollback()
        if session.may_lock:
            await session.query(UNLOCK)
            session.may_lock = False
        if self._resets.is_full:
            await session.start_anew()
        await session.go_back()
        await self._resets.call_async(session)
        self._attributes.put_back(session)
        return self._resets.is_full

    async def unlock(self, session: Session, *, timeout: float) -> None:
        """Let go of locks by name, which outlive a rollback; the record tells of those of tables."""
        refuse_busy(session)
        with unless_there_is_no_such_function():
            await session.query(RELEASE_LOCKS)

    def meaning_of(self, error: BaseException) -> Meaning:
        """aiomysql has no code for a connection that was closed here."""
        return Meaning.LOST if isinstance(error, aiomysql.InterfaceError) else super().meaning_of(error)

    def _place(self) -> str:
        return named(self._where)


@contextmanager
def naming_causes(session: Session, limit: float) -> Generator[None]:
    """Say where a server was sought, and why in vain; the driver says only a host."""
    try:
        yield
    except TimeoutError as error:
        raise unreachable(session, f"no answer within {limit:g} s") from error
    except aiomysql.OperationalError as error:
        if error.args[0] == CANNOT_CONNECT:
            raise unreachable(session, error.__cause__) from error.__cause__
        raise


def unreachable(session: Session, why: object) -> Exception:
    """Return the driver's own error, in full."""
    place = session._unix_socket or f"{session.host}:{session.port}"
    error: Exception = aiomysql.OperationalError(CANNOT_CONNECT, f"Can't connect to MySQL server on {place} ({why})")
    return error


def unverified() -> ssl.SSLContext | None:
    """Return what PyMySQL speaks TLS with where the server offers it, and nobody asks for it."""
    context: ssl.SSLContext | None = getattr(driver().connect(defer_connect=True), "ctx", None)
    return context
