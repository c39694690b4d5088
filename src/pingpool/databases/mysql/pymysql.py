"""MySQL and MariaDB: by PyMySQL, or by any other PEP 249 driver for them (mysqlclient, mysql-connector, mariadb).

What is pooled is the driver's own connection. The ping is the protocol's own command for that, which opens no
transaction; the drivers are kept from reconnecting in it, since another session would have forgotten its settings.
"""

import inspect
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from pingpool.databases.common.addresses import Address, Host, Port
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import Configure, Configured, to_configure
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.labels import as_text, cut
from pingpool.databases.common.resets import Reset, Resets
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import is_quiet
from pingpool.databases.common.timeouts import finite
from pingpool.databases.common.urls import check_files, check_names
from pingpool.databases.drivers import modules_of
from pingpool.databases.mysql import tls
from pingpool.databases.mysql.drivers import answer, link_of, number_of, socket_of
from pingpool.databases.mysql.options import check_charset, driver, on_the_wire, placed
from pingpool.databases.mysql.others import Others, in_transaction
from pingpool.databases.mysql.places import NOWHERE, SHOW_SESSIONS, Place
from pingpool.databases.mysql.record import RELEASE_LOCKS, UNLOCK
from pingpool.databases.mysql.traits import (
    ASK_FOR_ROLE,
    CANNOT_CONNECT,
    MySQLTraits,
    is_busy,
    is_in_transaction,
    refuse_busy,
    refusing_what_stays,
    takes_writes,
    unless_there_is_no_such_function,
)
from pingpool.errors import BadURL
from pingpool.text import escaped

OTHER_DRIVERS = {
    "mysqldb": "MySQL(connect=lambda: MySQLdb.connect(…))",
    "mysqlconnector": "MySQL(connect=lambda: mysql.connector.connect(…))",
    "mariadbconnector": "MySQL(connect=lambda: mariadb.connect(…))",
}
"""How what SQLAlchemy calls so is pooled."""

LONGEST_TIMEOUT = 31_536_000
"""The longest that PyMySQL will wait for a connection, in seconds."""

SETTINGS = (
    *("cursorclass", "encoders", "decoders", "use_unicode", "_read_timeout", "_write_timeout", "charset"),
    *("max_allowed_packet", "autocommit_mode", "sql_mode", "init_command"),
)
"""What a holder may set on the connection itself; the last three count when it connects anew."""

ROOM = 400
"""Bytes of `program_name` that are sent: a server keeps 512 of attributes in all, unless it is told otherwise."""


class MySQL(MySQLTraits, Configured[Any]):
    """The sessions of one MySQL or MariaDB database.

        pool = pingpool.open(MySQL("db", user="shop", password=read_secret, database="shop", ssl_disabled=True))
        pool = pingpool.open(MySQL(connect=lambda: MySQLdb.connect(host="db", ...)))

    Args:
        host, port, user, database: where to connect, by PyMySQL; localhost and 3306, unless an option (`unix_socket`,
            `read_default_file`) says it. Host and port may be functions that are asked each time a session is opened;
            the one for the host may return a pair, `(host, port)`.
        password: the password, or a function that is asked for it each time a session is opened.
        connect: opens a connection by another driver, in place of all else.
        role: "primary": a session whose node takes no writes any more is replaced; "any": it may be a replica's.
        reset: "rollback": what a holder left open is rolled back; "full": the server clears the session each time; or
            a function of the session, called after a rollback each time.
        configure: a function of the session that sets a new one up; what it leaves uncommitted is committed.
        **options: whatever else `pymysql.connect` takes: `autocommit`, `charset`, ... For TLS `ssl=True`, which
            verifies the certificate and its name, with `ssl_ca` and the like if need be. By default TLS is spoken where
            the server offers it, and nothing verified; on a trusted network `ssl_disabled=True` is twenty times faster.

    Raises:
        BadURL: an option makes no sense.
    """

    DRIVERS = ("pymysql",)
    OTHER_DRIVERS = OTHER_DRIVERS

    def __init__(
        self,
        host: Host = None,
        port: Port = None,
        *,
        user: str | None = None,
        password: Password = "",
        database: str | None = None,
        connect: Callable[[], Any] | None = None,
        role: Role = "primary",
        reset: Reset = "rollback",
        configure: Configure = None,
        **options: Any,
    ) -> None:
        host, port = placed(host, port, options)
        self._where: dict[str, Any] = {"host": host, "port": port, "user": user, "database": database, **options}
        self._address = Address(host=host, port=port)
        self._password = password
        self._roles = Roles(role)
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        self._attributes = Attributes(*SETTINGS)
        self._others = None if connect is None else Others(connect, self._resets)
        self._places: WeakKeyDictionary[Any, Place] = WeakKeyDictionary()
        self._aborted: WeakSet[Any] = WeakSet()
        if connect is None:
            check_names(options, self.driver_options(), "PyMySQL")
            check_charset(options.get("charset"))
            check_files(options, tls.FILES)
            self._tls = tls.context_of(options)
        elif options:
            raise BadURL(f"MySQL: {', '.join(options)}: with connect=, options are for that function to set")
        self._identity = (self._where, password, connect, role, reset, configure)

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that PyMySQL takes."""
        return set(inspect.signature(driver().connect).parameters)

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect. PyMySQL's sessions carry the labels as `program_name` in `session_connect_attrs`."""
        moves = self._roles.moves
        session = self._open(self._address.now(), labels, timeout)
        self.remember(session)
        self._roles.settle(session, moves)
        return session

    def _open(self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float) -> Any:
        return self._by_pymysql(address, labels, timeout) if self._others is None else self._others.open()

    def remember(self, session: Any) -> None:
        """Note where a new session is, and what a holder may change."""
        with suppress(TypeError):  # what takes no weak references is found as long as its driver tells where it is
            self._places[session] = Place.of(number_of(session), socket_of(session))
        if self._others is None:
            super().remember(session)
        else:
            self._others.remember(session)
            self._drivers |= {*modules_of(session)} - {"builtins"}

    def keep(self, session: Any) -> None:
        """Commit what was set, unless it is known that no transaction is open."""
        is_open = is_in_transaction(session) if self._others is None else in_transaction(session)
        if is_open is not False:
            session.commit()

    def _by_pymysql(self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float) -> Any:
        where: dict[str, Any] = {**self._where, **address}
        where["port"] = where["port"] or 0
        own = where.pop("read_timeout", None), where.pop("write_timeout", None)
        if labels:
            where["program_name"] = cut(escaped(as_text(labels, after=where.get("program_name"))), ROOM)
        if self._tls is not None:
            where = {**{name: where[name] for name in where if name not in tls.OPTIONS}, "ssl": self._tls}
        where["connect_timeout"] = min(timeout, where.get("connect_timeout", timeout), LONGEST_TIMEOUT)
        limit = finite(timeout)
        # Its connect_timeout ends with the TCP connection; a server that then says nothing would never be given up.
        patience = {"read_timeout": limit, "write_timeout": limit, "defer_connect": True}
        session: Any = connection().Connection(**{**where, **patience}, password=on_the_wire(asked(self._password)))
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
                refuse_wrong_node(takes_writes(self._answer(session, ASK_FOR_ROLE)))
            elif self._others is not None:
                self._others.ping(session)
            else:
                refuse_busy(session)
                session.ping()
        self._roles.settle(session, moves)

    def _answer(self, session: Any, statement: str) -> Sequence[Any]:
        if self._others is not None:
            return self._others.answer(session, statement)
        refuse_busy(session)
        return answer(session, statement)

    def delete(self, session: Any, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open. What still runs there is ended first."""
        if self._is_busy(session):
            self.abort(session)
            self._end_at_server(session, timeout)
            leave = session.hang_up if self._others is None else partial(self._others.leave, session)
            leave()
        elif self._others is not None or session.open:
            with limited(session, timeout):
                session.close()

    def _is_busy(self, session: Any) -> bool:
        """May a statement be under way at the server?"""
        if session in self._aborted:
            return True
        return is_busy(session) if self._others is None else self._others.is_busy(session)

    def _end_at_server(self, session: Any, timeout: float) -> None:
        """End a session and its statement by another connection, as far as that can be done."""
        place = self._place_of(session)
        address = {} if self._others else {"host": session.host, "port": session.port}  # it may have another by now
        with suppress(Exception), closing(self._open(address, {}, timeout)) as other, limited(other, timeout):
            if place.is_among(answer(other, SHOW_SESSIONS)):
                answer(other, place.end_it())

    def _place_of(self, session: Any) -> Place:
        try:
            return self._places.get(session, NOWHERE)
        except TypeError:  # it takes no weak references
            return Place.of(number_of(session), socket_of(session))

    def descriptor_of(self, session: Any) -> int | None:
        """Return the descriptor, if the driver tells."""
        return socket_of(session)

    def looks_alive(self, session: Any) -> bool:
        """Is the socket quiet? All that this protocol ever says unasked is goodbye."""
        if self._others is not None:
            self._others.looked_at(session)
        fd = socket_of(session)
        return fd is None or is_quiet(fd, link_of(session))

    def needs_reset(self, session: Any) -> bool | None:
        """May something be open? Other drivers show less of it."""
        return super().needs_reset(session) if self._others is None else self._others.left_open(session)

    def in_transaction(self, session: Any) -> bool:
        """Is a transaction open? Of drivers that cannot tell, it is not known."""
        return super().in_transaction(session) if self._others is None else self._others.in_transaction(session)

    def reset(self, session: Any, *, timeout: float) -> bool:
        """Roll back, and undo what else was asked for. A session with an answer unread is beyond that."""
        with limited(session, timeout):
            if self._others is not None:
                self._others.reset(session)
                return self._resets.is_full
            refuse_busy(session)
            roll_back(session)
            if self._resets.is_full:
                session.start_anew()
            session.go_back()
            self._resets.call(session)
        self._attributes.put_back(session)
        return self._resets.is_full

    def unlock(self, session: Any, *, timeout: float) -> None:
        """Let go of locks that outlive a rollback: by name and, where no record tells of them, of tables."""
        with limited(session, timeout), unless_there_is_no_such_function():
            if self._others is not None:
                self._others.unlock(session)
            else:
                self._answer(session, RELEASE_LOCKS)

    def abort(self, session: Any) -> None:
        """End the stream, which frees who waits for it."""
        with suppress(TypeError):  # what takes no weak references is not remembered
            self._aborted.add(session)
        self._place_of(session).hang_up()

    def _place(self) -> str:
        return super()._place() if self._others is None else f"connect={self._others.name}"


def connection() -> Any:
    """Return the module of PyMySQL's connection; only who does without another driver needs it."""
    driver()
    return import_module("pingpool.databases.mysql.connection")


def roll_back(session: Any) -> None:
    """Roll back, and let go of locks that outlive it."""
    with refusing_what_stays():
        session.rollback()
    if session.may_lock:
        session.query(UNLOCK)
        session.may_lock = False


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
