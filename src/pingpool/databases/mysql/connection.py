"""PyMySQL's connection as it is pooled here: it keeps a record of what it has sent, and hangs up at once."""

import functools
from collections.abc import Callable
from importlib import import_module
from threading import get_ident
from typing import Any

from pingpool.databases.common.sockets import HUNG_UP, look_at, shut_down
from pingpool.databases.mysql.record import RESET_CONNECTION, Beginning, OnRecord, Turn

pymysql: Any = import_module("pymysql")  # its types say nothing of what is used here


def in_turn(name: str) -> Callable[..., Any]:
    """Return a method of the driver that is on record while it is under way."""
    method: Callable[..., Any] = getattr(pymysql.connections.Connection, name)

    @functools.wraps(method)
    def turn(self: Any, *arguments: Any, **options: Any) -> Any:
        with self.taking_its_turn():
            return method(self, *arguments, **options)

    return turn


class Connection(pymysql.connections.Connection, OnRecord):  # type: ignore[misc]  # the driver is taken for untyped
    """A connection of which is known whether all that was sent was answered."""

    begin, commit, rollback, ping = in_turn("begin"), in_turn("commit"), in_turn("rollback"), in_turn("ping")
    select_db, set_character_set = in_turn("select_db"), in_turn("set_character_set")
    show_warnings, next_result = in_turn("show_warnings"), in_turn("next_result")
    _send_autocommit_mode = in_turn("_send_autocommit_mode")

    def connect(self, sock: Any = None) -> None:
        """Connect, and note how the session begins."""
        pymysql.connections.Connection.connect(self, sock)
        self.note_beginning()

    def note_beginning(self) -> None:
        """Note what the session is now."""
        words = (self.charset, self.collation, self.db, self.sql_mode, self.init_command)
        self.beginning = Beginning(self.get_autocommit(), *words)

    def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        """Run a statement. What cannot be written is refused while nothing has been sent."""
        statement = sql.encode(self.encoding) if isinstance(sql, str) else sql
        self.note(statement)
        with self.taking_its_turn():
            return pymysql.connections.Connection.query(self, statement, unbuffered)

    def taking_its_turn(self) -> Turn:
        """Let no other thread speak meanwhile. An answer that breaks off hangs up."""
        return Turn(self, get_ident(), pymysql.ProgrammingError)

    def start_anew(self) -> None:
        """Have the server clear the session, and open it as it was opened at first, but for the login."""
        first = self.beginning
        with self.taking_its_turn():
            self._execute_command(RESET_CONNECTION, b"")
            self._read_ok_packet()
        self.set_character_set(first.charset, first.collation)
        if first.database:
            self.select_db(first.database)
        if first.sql_mode is not None:
            self.query("SET sql_mode=" + self.escape(first.sql_mode))
        if first.init_command is not None:
            self.query(first.init_command)

    def _read_packet(self, *packet_type: Any) -> Any:
        """Read a packet, and keep it: the last one of an answer has the server's status."""
        if self._sock is None:
            raise pymysql.InterfaceError(0, "")
        self.last_answer = None  # should this one be an error
        packet = pymysql.connections.Connection._read_packet(self, *packet_type)
        self.last_answer = packet.get_all_data()
        return packet

    def go_back(self) -> None:
        """Tell the server again what the session began with, where that was changed."""
        first = self.beginning
        if (self.charset, self.collation) != (first.charset, first.collation):
            self.set_character_set(first.charset, first.collation)
        self.autocommit(first.autocommit)

    def hang_up(self) -> None:
        """End the stream at once: closing alone would wait for a thread that still reads."""
        link = self._sock
        if link is not None:
            self._note_who_left()
            shut_down(link)
        self._force_close()

    def _force_close(self) -> None:
        """Close. What is left of an unread result is read on by nobody, nor by its finaliser."""
        self._note_who_left()
        if getattr(getattr(self, "_result", None), "unbuffered_active", False):
            self._result._finish_unbuffered_query = bool
        pymysql.connections.Connection._force_close(self)

    def _note_who_left(self) -> None:
        """Note whether it is the server that has hung up, before this side does."""
        if self._sock is not None and self.was_left is None:
            self.was_left = look_at(self._sock.fileno()) is HUNG_UP
