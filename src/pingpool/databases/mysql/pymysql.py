"""MySQL and MariaDB: by PyMySQL, or by any other PEP 249 driver for them (mysqlclient, mysql-connector, mariadb).

What is pooled is the driver's own connection. The ping is the protocol's own command for that, which opens no
transaction; the drivers are kept from reconnecting in it, since another session would have forgotten its settings.
"""

import inspect
import socket
import ssl
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pingpool.database import Database
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.labels import as_text, cut
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import Look, hang_up, look_at, peek
from pingpool.databases.common.timeouts import finite
from pingpool.databases.common.urls import check_files, check_names
from pingpool.databases.mysql import tls
from pingpool.databases.mysql.options import check_charset, driver, on_the_wire, placed
from pingpool.databases.mysql.traits import ASK_FOR_ROLE, CANNOT_CONNECT, MySQLTraits, refuse_unread, takes_writes
from pingpool.errors import BadURL
from pingpool.options import escaped

LONGEST_TIMEOUT = 31_536_000
"""The longest that PyMySQL will wait for a connection, in seconds."""

ROOM = 400
"""Bytes of `program_name` that are sent: a server keeps 512 of attributes in all, unless it is told otherwise."""


class MySQL(MySQLTraits, Database[Any]):
    """The sessions of one MySQL or MariaDB database.

        pool = pingpool.open(MySQL("db", user="shop", password=read_secret, database="shop", ssl_disabled=True))
        pool = pingpool.open(MySQL(connect=lambda: MySQLdb.connect(host="db", ...)))

    Args:
        host, port, user, database: where to connect, by PyMySQL; localhost and 3306, unless an option (`unix_socket`,
            `read_default_file`) says it.
        password: the password, or a function that is asked for it each time a session is opened.
        connect: opens a connection by another driver, in place of all else.
        role: "primary": a session whose node takes no writes any more is replaced; "any": it may be a replica's.
        **options: whatever else `pymysql.connect` takes: `autocommit`, `charset`, ... For TLS `ssl=True`, which
            verifies the certificate and its name, with `ssl_ca` and the like if need be. By default TLS is spoken where
            the server offers it, and nothing verified; on a trusted network `ssl_disabled=True` is twenty times faster.

    Raises:
        BadURL: an option makes no sense.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        user: str | None = None,
        password: Password = "",
        database: str | None = None,
        connect: Callable[[], Any] | None = None,
        role: Role = "primary",
        **options: Any,
    ) -> None:
        host, port = placed(host, port, options)
        self._where: dict[str, Any] = {"host": host, "port": port, "user": user, "database": database, **options}
        self._password = password
        self._connect = connect
        self._roles = Roles(role)
        if connect is None:
            check_names(options, inspect.signature(driver().connect).parameters, "PyMySQL")
            check_charset(options.get("charset"))
            check_files(options, tls.FILES)
            self._tls = tls.context_of(options)
        elif options:
            raise BadURL(f"MySQL: {', '.join(options)}: with connect=, options are for that function to set")
        self._identity = (self._where, password, connect, role)

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect. PyMySQL's sessions carry the labels as `program_name` in `session_connect_attrs`."""
        moves = self._roles.moves
        session = self._by_pymysql(labels, timeout) if self._connect is None else self._connect()
        self._roles.settle(session, moves)
        return session

    def _by_pymysql(self, labels: Mapping[str, str], timeout: float) -> Any:
        where: dict[str, Any] = {**self._where, "port": self._where["port"] or 0}
        own = where.pop("read_timeout", None), where.pop("write_timeout", None)
        if labels:
            where["program_name"] = cut(escaped(as_text(labels, after=where.get("program_name"))), ROOM)
        if self._tls is not None:
            where = {**{name: where[name] for name in where if name not in tls.OPTIONS}, "ssl": self._tls}
        where["connect_timeout"] = min(timeout, where.get("connect_timeout", timeout), LONGEST_TIMEOUT)
        limit = finite(timeout)
        # Its connect_timeout ends with the TCP connection; a server that then says nothing would never be given up.
        patience = {"read_timeout": limit, "write_timeout": limit, "defer_connect": True}
        session: Any = driver().connect(**{**where, **patience}, password=on_the_wire(asked(self._password)))
        if session.unix_socket:
            session._secure = True  # as PyMySQL has it
            session.connect(connected_to(session.unix_socket, session.connect_timeout))
        else:
            session.connect()
        session._read_timeout, session._write_timeout = own
        return session

    def ping(self, session: Any, *, timeout: float) -> None:
        """Send the protocol's own ping. PyMySQL gives it up in time; others are freed by `abort`."""
        moves = self._roles.moves
        with limited(session, timeout):
            if self._roles.has_to_be_asked(session):
                refuse_wrong_node(takes_writes(answer(session, ASK_FOR_ROLE)))
            else:
                ping(session)
        self._roles.settle(session, moves)

    def delete(self, session: Any, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open."""
        with limited(session, timeout):
            session.close()

    def looks_alive(self, session: Any) -> bool:
        """Is the socket quiet? All that this protocol ever says unasked is goodbye."""
        fd = socket_of(session)
        if fd is None:
            return True
        if fd < 0:
            return False
        look, link = look_at(fd), link_of(session)
        if look is Look.SPEAKS and isinstance(link, ssl.SSLSocket):
            return peek(link) is None
        return look is Look.QUIET

    def reset(self, session: Any, *, timeout: float) -> None:
        """Roll back. A session with an unread result is beyond that."""
        refuse_unread(session)
        with limited(session, timeout):
            session.rollback()

    def abort(self, session: Any) -> None:
        """End the stream, which frees who waits for it."""
        fd = socket_of(session)
        if fd is not None:
            hang_up(fd)

    def _place(self) -> str:
        return super()._place() if self._connect is None else f"connect={name_of(self._connect)}"


def name_of(function: Callable[..., object]) -> str:
    """Name a function by no more than its name: others show what it is called with, a password perhaps."""
    return str(getattr(function, "__qualname__", type(function).__name__))


def connected_to(path: str, timeout: float) -> socket.socket:
    """Connect to a socket in the file system. PyMySQL would call it `localhost`, and forget to close it."""
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(timeout)
        link.connect(path)
    except OSError as error:
        link.close()
        complaint = f"Can't connect to MySQL server on {path} ({error})"
        raise driver().OperationalError(CANNOT_CONNECT, complaint) from error
    return link


def link_of(session: Any) -> Any:
    """Return the session's socket, or what tells its number; None if it is closed here."""
    if hasattr(session, "_sock"):  # PyMySQL
        return session._sock
    if hasattr(session, "_socket"):  # mysql-connector in pure Python
        return getattr(session._socket, "sock", session._socket)
    return session  # mysqlclient tells by itself


def socket_of(session: Any) -> int | None:
    """Return the file descriptor of the session, -1 if it is closed here, None if the driver does not tell."""
    link = link_of(session)
    if link is None:
        return -1
    return link.fileno() if hasattr(link, "fileno") else None


def ping(session: Any) -> None:
    """Send the protocol's own ping by any of the drivers."""
    try:
        session.ping(reconnect=False)
    except TypeError:  # drivers that never reconnect have no such parameter
        session.ping()


def answer(session: Any, statement: str) -> Sequence[Any]:
    """Run a statement by any of the drivers, and return its rows."""
    with closing(session.cursor()) as cursor:
        cursor.execute(statement)
        rows: Sequence[Any] = cursor.fetchall()
        return rows


@contextmanager
def limited(session: Any, timeout: float) -> Generator[None]:
    """Give PyMySQL so many seconds to write and so many to read; afterwards what it had before."""
    if not hasattr(session, "_read_timeout"):
        yield
        return
    own = session._read_timeout, session._write_timeout
    session._read_timeout = session._write_timeout = finite(timeout)
    try:
        yield
    finally:
        session._read_timeout, session._write_timeout = own
