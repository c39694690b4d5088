"""MySQL and MariaDB: by PyMySQL, or by any other PEP 249 driver for them (mysqlclient, mysql-connector, mariadb).

What is pooled is the driver's own connection. The ping is the protocol's own command for that, which opens no
transaction; the drivers are kept from reconnecting in it, since a session that was silently replaced has forgotten its
settings and was never proven.
"""

import inspect
import math
import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from pingpool.database import Database
from pingpool.databases.credentials import Password, asked
from pingpool.databases.labelling import as_text, cut
from pingpool.databases.sockets import Look, hang_up, look_at, peek
from pingpool.databases.urls import check_files, check_names, switch, take_apart
from pingpool.errors import BadURL

IN_TRANSACTION = 1
AUTOCOMMIT = 2
"""The flags of the server's status, sent with each answer, that say so."""

LOST = frozenset(
    {
        *(2002, 2003, 2006, 2013, 2014, 2027, 2055),  # found out by the driver: unreachable, gone, lost, out of step
        *(1053, 1927, 3169, 4031),  # said by the server: it shuts down, the session was killed, or idle too long
        *(1152, 1158, 1159, 1160, 1161, 1184),  # said by the server: the network failed it
    }
)
"""The codes of errors after which there is no session."""

UNREACHABLE = 2003

CLOSED_HERE = ((0, "InterfaceError"), (-1, "OperationalError"))
"""How PyMySQL, and mysql-connector, name a connection that they have closed; neither code says that by itself."""

REFUSED = frozenset(
    {
        *(1044, 1045, 1049, 1698),  # access denied, no such database
        *(1129, 1130, 1131, 1132, 1251, 1524, 2026, 2059, 2061),  # this host, this way to authenticate, no TLS
    }
)
"""The codes of errors of connecting that will come again until somebody mends the cause."""


class MySQL(Database[Any]):
    """The sessions of one MySQL or MariaDB database.

        pool = pingpool.open(MySQL("db", user="shop", password=read_secret, database="shop", ssl_disabled=True))
        pool = pingpool.open(MySQL(connect=lambda: MySQLdb.connect(host="db", ...)))

    Args:
        host, port, user, database: where to connect, by PyMySQL; localhost and 3306, unless an option names a socket
            (`unix_socket`) or a file that says it (`read_default_file`).
        password: the password, or a function that is asked for it each time a session is opened, for passwords that
            change. A refused one is asked for again with the next attempt.
        connect: opens a connection by another driver; nothing else is to be given then, and the time-out of
            connecting is that driver's.
        **options: whatever else `pymysql.connect` takes: `autocommit`, `charset`, `ssl_ca`, ... On a trusted network
            `ssl_disabled=True` makes connecting twenty times faster.

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
        **options: Any,
    ) -> None:
        """Connect to nothing yet."""
        if not any(options.get(name) for name in OTHER_PLACES):
            host, port = host or "localhost", port or 3306
        self._where: dict[str, Any] = {"host": host, "port": port, "user": user, "database": database, **options}
        self._password = password
        self._connect = connect
        if connect is None:
            check_names(options, inspect.signature(driver().connect).parameters, "PyMySQL")
            check_charset(options.get("charset"))
            check_files(options, TLS_FILES)
        elif options:
            raise BadURL(f"MySQL: {', '.join(options)}: with connect=, options are for that function to set")

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect. PyMySQL's sessions carry the labels as `program_name` in `session_connect_attrs`."""
        if self._connect is not None:
            return self._connect()
        where: dict[str, Any] = {**self._where, "port": self._where["port"] or 0}
        own = where.pop("read_timeout", None), where.pop("write_timeout", None)
        if labels:
            where["program_name"] = cut(as_text(labels, after=where.get("program_name")), ROOM)
        where["connect_timeout"] = min(timeout, where.get("connect_timeout", timeout), LONGEST_TIMEOUT)
        limit = None if timeout == math.inf else timeout
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
        """Send the protocol's own ping; PyMySQL gives it up in time, other drivers have to be freed by `abort`."""
        with limited(session, timeout):
            try:
                session.ping(reconnect=False)
            except TypeError:  # drivers that never reconnect have no such parameter
                session.ping()

    def delete(self, session: Any, *, timeout: float) -> None:
        """Say goodbye and close the connection; the server rolls back what is open."""
        with limited(session, timeout):
            session.close()

    def glance(self, session: Any) -> bool:
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

    def needs_reset(self, session: Any) -> bool:
        """May a transaction be open, or a result be unread? Of drivers that cannot tell it must be supposed."""
        status = getattr(session, "server_status", None)
        if isinstance(status, int):
            result = getattr(session, "_result", None)
            unread = getattr(result, "has_next", False) or is_unread(session)
            return bool(unread) or not is_settled(status, result)
        return is_unread(session) or getattr(session, "in_transaction", True) is not False

    def reset(self, session: Any, *, timeout: float) -> None:
        """Roll back. A session with an unread result is beyond that."""
        refuse_unread(session)
        with limited(session, timeout):
            session.rollback()

    def is_lost(self, error: BaseException) -> bool:
        """Does its code say that the session is gone?"""
        code = code_of(error)
        return code in LOST or (code, type(error).__name__) in CLOSED_HERE

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint (a KILL QUERY that came too late)?"""
        return said_by_server(error) and code_of(error) not in LOST

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        cause = getattr(error, "original_exception", None)
        return code_of(error) in REFUSED or isinstance(cause or error, TypeError | ssl.SSLCertVerificationError)

    def abort(self, session: Any) -> None:
        """End the stream, which frees who waits for it."""
        fd = socket_of(session)
        if fd is not None:
            hang_up(fd)

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        if self._connect is not None:
            return f"MySQL(connect={self._connect!r})"
        shown = {name: self._where.get(name) for name in ("host", "port", *OTHER_PLACES)}
        named = {**{name: it for name, it in shown.items() if it}, "user": None, "database": None}
        return f"MySQL({', '.join(f'{name}={self._where[name]!r}' for name in named)})"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, MySQL) and other._identity() == self._identity()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self._where["host"], self._where["port"], self._where["database"], self._connect))

    def _identity(self) -> tuple[object, ...]:
        return self._where, self._password, self._connect


def from_url(url: str) -> MySQL:
    """Return the database that `mysql://user:password@host:port/database?option=value` names; `mariadb://` too.

    The options are those of `pymysql.connect` that are text, numbers or yes and no.

    Raises:
        BadURL: the URL makes no sense.
    """
    return MySQL(**arguments(url))


def arguments(url: str) -> dict[str, Any]:
    """Return what a URL says as the arguments of `MySQL`, or of its twin for asyncio. Raises `BadURL`."""
    target = take_apart(url, KINDS, elsewhere=("host", "port", "user", "password", "database"), instead=INSTEAD)
    if "/" in target.path:
        raise BadURL(f"MySQL: the name of a database has no slash: {target.path!r}")
    place = {"host": target.host, "port": target.port, "database": target.path or None}
    return {**place, "user": target.user, "password": target.password or "", **target.options}


def no_text(value: str) -> None:
    """Refuse an option that is an object, and so has no place in a URL."""
    raise ValueError(value)


INSTEAD = {"connect": "it is a function, and an argument of MySQL"}

OTHER_PLACES = ("unix_socket", "read_default_file", "read_default_group")
"""The options that say where the server is, when host and port do not."""

TLS_FILES = ("ssl_ca", "ssl_cert", "ssl_key")

LONGEST_TIMEOUT = 31_536_000
"""The longest that PyMySQL will wait for a connection, in seconds."""

ROOM = 400
"""Bytes of `program_name` that are sent: a server keeps 512 of attributes in all, unless it is told otherwise."""

WHOLE = ("connect_timeout", "read_timeout", "write_timeout", "client_flag", "max_allowed_packet")
TLS_SWITCHES = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
SWITCHES = (*TLS_SWITCHES, "autocommit", "local_infile", "use_unicode", "echo")
OBJECTS = ("ssl", "conv", "cursorclass", "auth_plugin_map")
KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(WHOLE, int),
    **dict.fromkeys(SWITCHES, switch),
    **dict.fromkeys(OBJECTS, no_text),
}
"""How options of PyMySQL, and of aiomysql, are read that are not text."""


def driver() -> Any:
    """Return PyMySQL; only who does without another driver needs it."""
    try:
        import pymysql
    except ImportError as missing:
        raise ImportError(f'MySQL needs PyMySQL, or connect=: pip install "pingpool[mysql]" ({missing})') from missing
    return pymysql


def on_the_wire(password: str | None) -> bytes:
    """Write a password as the server has it: the driver would write Latin-1, or raise."""
    return (password or "").encode(errors="surrogateescape")  # the environment may hold any bytes


def connected_to(path: str, timeout: float) -> socket.socket:
    """Connect to a socket in the file system. PyMySQL would call it `localhost`, and forget to close it."""
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(timeout)
        link.connect(path)
    except OSError as error:
        link.close()
        complaint = f"Can't connect to MySQL server on {path} ({error})"
        raise driver().OperationalError(UNREACHABLE, complaint) from error
    return link


def check_charset(name: str | None) -> None:
    """Refuse a character set that PyMySQL does not know, over which it would stumble. Raises `BadURL`."""
    if name and driver().charset.charset_by_name(name) is None:
        raise BadURL(f"PyMySQL knows no charset {name!r}")


def code_of(error: BaseException) -> int | None:
    """Return the number that MySQL, or its driver, gave the error; None for an error of anything else."""
    if not any(kind.__name__ == "Error" for kind in type(error).__mro__):
        return None
    code = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    return code if isinstance(code, int) else None


def said_by_server(error: BaseException) -> bool:
    """Was it the server that raised the error? Those of the drivers have codes from 2000 to 2999, or below 1000."""
    code = code_of(error)
    return code is not None and code >= 1000 and not 2000 <= code < 3000


def is_settled(status: int, result: object) -> bool:
    """Is it certain that no transaction is open?

    Rows and errors tell nothing: PyMySQL, and aiomysql too, drops the status that comes with rows, and errors come
    without any. A SELECT outside autocommit has opened a transaction all the same, whose snapshot grows old.
    """
    if status & IN_TRANSACTION:
        return False
    return bool(status & AUTOCOMMIT) or getattr(result, "server_status", None) is not None


def refuse_unread(session: Any) -> None:
    """Raise if an answer was not read to its end: reading on might take for ever."""
    if is_unread(session):
        raise RuntimeError("the last holder left the result of a query unread")


def is_unread(session: Any) -> bool:
    """Does a result stream that was not read to its end (PyMySQL, aiomysql, mysql-connector), or did one break off?"""
    result = getattr(session, "_result", None)
    if getattr(result, "unbuffered_active", False) or getattr(session, "unread_result", False):
        return True
    return result is None and breaks_off(session)


def breaks_off(session: Any) -> bool:
    """Has PyMySQL an answer in its buffer that it gave up in the middle, say since a converter raised?"""
    link, reader = getattr(session, "_sock", None), getattr(session, "_rfile", None)
    if link is None or reader is None:
        return False
    patience = link.gettimeout()
    link.settimeout(0)
    try:
        return bool(reader.peek(1))
    except (OSError, ValueError):  # nothing has come, or it is closed
        return False
    finally:
        link.settimeout(patience)


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


@contextmanager
def limited(session: Any, timeout: float) -> Generator[None]:
    """Give PyMySQL so many seconds to write and so many to read; afterwards what it had before."""
    if not hasattr(session, "_read_timeout"):
        yield
        return
    own = session._read_timeout, session._write_timeout
    session._read_timeout = session._write_timeout = None if timeout == math.inf else timeout
    try:
        yield
    finally:
        session._read_timeout, session._write_timeout = own
