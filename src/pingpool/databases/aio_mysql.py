"""MySQL and MariaDB for asyncio, by aiomysql: what is pooled is `aiomysql.Connection`.

aiomysql is PyMySQL with another way to read, so its connections and errors are judged as `databases.mysql` does it.
"""

import asyncio
import functools
import inspect
import ssl
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

from pingpool.database import AsyncDatabase
from pingpool.databases import mysql
from pingpool.databases.credentials import AsyncPassword, asked_async
from pingpool.databases.labelling import as_text, cut
from pingpool.databases.sockets import Look, look_through
from pingpool.databases.urls import check_names
from pingpool.errors import BadURL

try:
    aiomysql: Any = import_module("aiomysql")  # it has no types
except ImportError as missing:
    raise ImportError(f'MySQL for asyncio needs aiomysql: pip install "pingpool[aiomysql]" ({missing})') from missing

Session: TypeAlias = Any
"""An `aiomysql.Connection`."""

TLS = (*mysql.TLS_SWITCHES, "ssl", "ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password")
"""The options of TLS: they are PyMySQL's."""

NO_TLS = 2026
"""The code of an error that the driver finds out by itself."""

OFFERS_TLS = 2048
"""The flag of the server's capabilities that says so."""

GOODBYE = b"\x01\0\0\0\x01"
"""A packet with the protocol's command to quit."""

ROOM = 160
"""Bytes of `program_name` that are sent: aiomysql can write 250 of attributes in all, its own among them."""


class AsyncMySQL(AsyncDatabase[Session]):
    """The sessions of one MySQL or MariaDB database.

        pool = await pingpool.open_async(AsyncMySQL("db", user="shop", password=read_secret, database="shop"))

    Args:
        host, port, user, database: where to connect.
        password: the password, or a function that is asked for it each time a session is opened, for passwords that
            change. It may be a coroutine function; any other is asked within the loop, and should have it at hand.
        **options: whatever else `aiomysql.connect` takes: `autocommit`, `charset`, `init_command`, ... TLS is chosen in
            PyMySQL's words: `ssl_ca`, `ssl_verify_identity`, ..., `ssl_disabled`, or an `ssl.SSLContext` as `ssl`.

    Raises:
        BadURL: an option makes no sense.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        user: str | None = None,
        password: AsyncPassword = "",
        database: str | None = None,
        **options: Any,
    ) -> None:
        """Connect to nothing yet."""
        known = {*inspect.signature(aiomysql.connect).parameters, *TLS, "database"} - {"db", "loop"}
        check_names(options, known, "aiomysql")
        mysql.check_charset(options.get("charset"))
        tls = {name: options.pop(name) for name in TLS if name in options}
        elsewhere = {name: options[name] for name in mysql.OTHER_PLACES if name in options}
        identity: Any = password  # the twin for threads only compares it
        self._twin: Any = mysql.MySQL(host, port, user=user, password=identity, database=database, **elsewhere, **tls)
        self._password = password
        self._where: dict[str, Any] = {
            "host": host or "localhost",
            "port": port or 3306,
            "user": user,
            "db": database,
            **options,
        }
        self._tls = context_of(tls)
        self._insists_on_tls = any(value for name, value in tls.items() if name != "ssl_disabled")

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen as `program_name` in `session_connect_attrs`, as far as there is room."""
        where = dict(self._where)
        limit = min(timeout, where.pop("connect_timeout", None) or timeout)
        where["program_name"] = cut(as_text(labels, after=where.get("program_name")), ROOM)
        secret = mysql.on_the_wire(await asked_async(self._password))
        password = secret.decode("latin-1")  # as which aiomysql will write it
        session = Connection(**where, password=password, ssl=self._tls)
        session.insists_on_tls = self._insists_on_tls
        try:
            with naming_causes(session, limit):
                async with asyncio.timeout(limit):
                    await session._connect()
        except BaseException:
            session.close()
            raise
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send the protocol's own ping, which opens no transaction, and wait for the answer; never reconnect."""
        await session.ping(reconnect=False)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye and hang up, waiting for nothing; the server rolls back what is open."""
        if not session.closed:
            session._writer.write(GOODBYE)
            session.close()

    def glance(self, session: Session) -> bool:
        """Is the stream quiet, to the loop and to the system? All that this protocol ever says unasked is goodbye."""
        reader = session._reader
        if (
            session.speaker is not None
            or reader is None
            or reader._buffer
            or reader.at_eof()
            or reader.exception() is not None
        ):
            return False
        return look_through(session._writer.transport) is Look.QUIET

    def needs_reset(self, session: Session) -> bool:
        """May a transaction be open, a result be unread, or a command be under way in a task that was left running?"""
        return session.speaker is not None or bool(self._twin.needs_reset(session))

    async def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back. A session with an unread result, or with a command under way, is beyond that."""
        mysql.refuse_unread(session)
        await session.rollback()

    def is_lost(self, error: BaseException) -> bool:
        """Does its code say that the session is gone? aiomysql has no code for a connection that was closed here."""
        return isinstance(error, aiomysql.InterfaceError) or bool(self._twin.is_lost(error))

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint (a KILL QUERY that came too late)?"""
        return bool(self._twin.is_transient(error))

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        return isinstance(error.__cause__, ssl.SSLCertVerificationError) or bool(self._twin.is_fatal(error))

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        return f"Async{self._twin!r}"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, AsyncMySQL) and (other._twin, other._where) == (self._twin, self._where)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._twin)


@contextmanager
def naming_causes(session: Session, limit: float) -> Generator[None]:
    """Say of a server that cannot be reached where it was sought, and why in vain; the driver says only a host."""
    try:
        yield
    except TimeoutError as error:
        raise unreachable(session, f"no answer within {limit:g} s") from error
    except aiomysql.OperationalError as error:
        if error.args[0] == mysql.UNREACHABLE:
            raise unreachable(session, error.__cause__) from error.__cause__
        raise


def unreachable(session: Session, why: object) -> Exception:
    """Return the driver's own error, in full."""
    place = session._unix_socket or f"{session.host}:{session.port}"
    error: Exception = aiomysql.OperationalError(mysql.UNREACHABLE, f"Can't connect to MySQL server on {place} ({why})")
    return error


def in_turn(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the driver's method of this name, as one that is refused while another task's command is under way."""
    method: Callable[..., Coroutine[Any, Any, Any]] = getattr(aiomysql.Connection, name)

    @functools.wraps(method)
    async def turn(self: Session, *arguments: Any, **options: Any) -> Any:
        with self.taking_its_turn():
            return await method(self, *arguments, **options)

    return turn


class Connection(aiomysql.Connection):  # type: ignore[misc]  # the driver has no types
    """aiomysql's connection, which keeps to TLS where that was asked for, and ends at once when it is closed.

    It also keeps to one command at a time. Two would be sent, the answer to the second be read by nobody, and in the
    end be taken for the answer to a third, which may be the next holder's.
    """

    insists_on_tls = False
    speaker: asyncio.Task[Any] | None = None
    """Whose command is under way."""
    _link: Any = None

    begin, commit, rollback, ping = in_turn("begin"), in_turn("commit"), in_turn("rollback"), in_turn("ping")
    select_db, set_charset, kill = in_turn("select_db"), in_turn("set_charset"), in_turn("kill")
    show_warnings, next_result = in_turn("show_warnings"), in_turn("next_result")
    _send_autocommit_mode, _read_packet = in_turn("_send_autocommit_mode"), in_turn("_read_packet")

    async def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        """Run a statement. What cannot be written is refused while nothing has been sent."""
        statement = sql.encode(self.encoding, "surrogateescape") if isinstance(sql, str) else sql
        with self.taking_its_turn():
            return await aiomysql.Connection.query(self, statement, unbuffered)

    @contextmanager
    def taking_its_turn(self) -> Generator[None]:
        """Let no other task speak meanwhile; whose answer breaks off in the middle leaves nothing to be read."""
        me = asyncio.current_task()
        if self.speaker not in (None, me):
            raise aiomysql.ProgrammingError("another command is under way on this session: it takes one at a time")
        outer, self.speaker = self.speaker, me
        try:
            yield
        except BaseException as error:
            if not mysql.said_by_server(error):
                self.close()
            raise
        finally:
            self.speaker = outer

    async def _request_authentication(self) -> None:
        """Introduce itself, once it is clear whether by TLS."""
        settle_tls(self)
        try:
            await aiomysql.Connection._request_authentication(self)
        finally:
            self._link = self._writer and self._writer.transport  # the driver forgets it if connecting fails

    def close(self) -> None:
        """Hang up. A closing in good order would wait for the other side, under TLS for half a minute."""
        link = self._writer.transport if self._writer else self._link
        if link is not None:
            link.abort()
        aiomysql.Connection.close(self)


def settle_tls(session: Session) -> None:
    """Of a server without TLS, ask for none, or nothing at all: the driver would ask, and go on in the clear."""
    if session._ssl_context and not session.server_capabilities & OFFERS_TLS:
        if session.insists_on_tls:
            raise aiomysql.OperationalError(NO_TLS, "SSL is required but the server doesn't support it")
        session._ssl_context = None
        session.client_flag &= ~OFFERS_TLS


def context_of(tls: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return what PyMySQL makes of its options, if anything. Once is enough: it takes longer than connecting."""
    try:
        unconnected = mysql.driver().connect(defer_connect=True, **tls)
    except Exception as error:
        raise BadURL(f"MySQL: PyMySQL can do no TLS with {', '.join(tls)}: {error}") from error
    context: ssl.SSLContext | None = getattr(unconnected, "ctx", None)
    return context


def from_url(url: str) -> AsyncMySQL:
    """Return the database that a `mysql://` or `mariadb://` URL names, as `databases.mysql.from_url` reads it.

    Raises:
        BadURL: the URL makes no sense.
    """
    return AsyncMySQL(**mysql.arguments(url))
