"""The sessions that PyMySQL opens, for `MySQL` without `connect=`: by the words of a URL, each with a record."""

import inspect
import socket
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from pingpool.databases.common.addresses import Address
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.labels import as_text, cut
from pingpool.databases.common.resets import Resets
from pingpool.databases.common.sockets import is_quiet
from pingpool.databases.common.timeouts import finite
from pingpool.databases.common.urls import check_files, check_names
from pingpool.databases.mysql import drivers, tls
from pingpool.databases.mysql.leftovers import Recorded, is_busy, is_in_transaction, refuse_busy, refusing_what_stays
from pingpool.databases.mysql.options import check_charset, driver, named, on_the_wire
from pingpool.databases.mysql.record import RELEASE_LOCKS, UNLOCK
from pingpool.databases.mysql.sessions import Sessions
from pingpool.databases.mysql.traits import CANNOT_CONNECT
from pingpool.text import escaped

LONGEST_TIMEOUT = 31_536_000
"""The longest that PyMySQL will wait for a connection, in seconds."""

SETTINGS = (
    *("cursorclass", "encoders", "decoders", "use_unicode", "_read_timeout", "_write_timeout", "charset"),
    *("max_allowed_packet", "db", "autocommit_mode", "sql_mode", "init_command"),
)
"""What a holder may set on the connection itself; the last four count when it connects anew."""

ROOM = 400
"""Bytes of `program_name` that are sent: a server keeps 512 of attributes in all, unless it is told otherwise."""


class PyMySQLSessions(Recorded, Sessions):
    """The sessions at one place."""

    def __init__(self, where: Mapping[str, Any], password: Password, resets: Resets) -> None:
        """`where` is how to connect, in PyMySQL's words. Raises `BadURL` if one makes no sense."""
        super().__init__()
        check_names(where, known_options(), "PyMySQL")
        check_charset(where.get("charset"))
        check_files(where, tls.FILES)
        self._where = where
        self._address = Address(host=where["host"], port=where["port"])
        self._password = password
        self._tls = tls.context_of(where)
        self._resets = resets
        self._attributes = Attributes(*SETTINGS)

    @property
    def name(self) -> str:
        """Where they are, without a secret."""
        return named(self._where)

    def open(self, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect to where the server is now. The labels are seen as `program_name` in `session_connect_attrs`."""
        return self._connect(self._address.now(), labels, timeout)

    def open_beside(self, session: Any, timeout: float) -> Any:
        """Connect to where the session is: the server may have another address by now."""
        return self._connect({"host": session.host, "port": session.port}, {}, timeout)

    def _connect(self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float) -> Any:
        session: Any = connection().Connection(**self._arguments(address, labels, timeout))
        if session.unix_socket:
            session._secure = True  # as PyMySQL has it
            session.connect(connected_to(session.unix_socket, session.connect_timeout))
        else:
            session.connect()
        session._read_timeout = self._where.get("read_timeout")
        session._write_timeout = self._where.get("write_timeout")
        return session

    def _arguments(self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float) -> dict[str, Any]:
        """Return what PyMySQL's connection is made with, so that it is told when to connect, and gives up in time."""
        where: dict[str, Any] = {**self._where, **address}
        where["port"] = where["port"] or 0
        if labels:
            where["program_name"] = cut(escaped(as_text(labels, after=where.get("program_name"))), ROOM)
        if self._tls is not None:
            where = {**{name: where[name] for name in where if name not in tls.OPTIONS}, "ssl": self._tls}
        where["connect_timeout"] = min(timeout, where.get("connect_timeout", timeout), LONGEST_TIMEOUT)
        # That ends with the TCP connection; a server that then says nothing would never be given up.
        where["read_timeout"] = where["write_timeout"] = finite(timeout)
        return {**where, "password": on_the_wire(asked(self._password)), "defer_connect": True}

    def looks_alive(self, session: Any) -> bool:
        """Is the socket there, and quiet?"""
        link = session._sock
        return link is not None and is_quiet(link.fileno(), link)

    def in_transaction(self, session: Any) -> bool | None:
        """Is a transaction open, by the server's last answer? It may have read only."""
        return is_in_transaction(session)

    def ping(self, session: Any) -> None:
        """Send the protocol's own ping; never reconnect."""
        refuse_busy(session)
        session.ping()

    def answer(self, session: Any, statement: str) -> Sequence[Any]:
        """Run a statement, and return its rows. A session with an answer unread is asked nothing."""
        refuse_busy(session)
        return drivers.answer(session, statement)

    def reset(self, session: Any, timeout: float) -> None:
        """Roll back, and undo what else was asked for. The time limits are put back once they are not needed here."""
        with drivers.limited(session, timeout):
            refuse_busy(session)
            roll_back(session)
            if self._resets.is_full:
                session.start_anew()
            session.go_back()
            self._resets.call(session)
        self._attributes.put_back(session)

    def unlock(self, session: Any) -> None:
        """Let go of locks by name; the record tells of those of tables."""
        self.answer(session, RELEASE_LOCKS)

    def is_busy(self, session: Any) -> bool:
        """May a statement be under way, by the record? Not if the server has hung up."""
        return is_busy(session)

    def leave(self, session: Any) -> None:
        """Hang up."""
        session.hang_up()

    def close(self, session: Any) -> None:
        """Say goodbye, unless it is closed."""
        if session.open:
            session.close()


def known_options() -> set[str]:
    """Return the keywords that PyMySQL takes."""
    return set(inspect.signature(driver().connect).parameters)


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
