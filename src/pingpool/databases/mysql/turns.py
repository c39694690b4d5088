"""aiomysql's connection as it is pooled here: it keeps a record of what it has sent, to TLS, and hangs up at once."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib import import_module
from typing import Any

from pingpool.databases.common.sockets import HUNG_UP, look_through
from pingpool.databases.mysql.record import RESET_CONNECTION, Beginning, OnRecord, Turn

aiomysql: Any = import_module("aiomysql")  # it has no types

NO_TLS = 2026
"""The code of an error that the driver finds out by itself."""

OFFERS_TLS = 2048
"""The flag of the server's capabilities that says so."""


def in_turn(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a method of the driver that is on record while it is under way."""
    method: Callable[..., Coroutine[Any, Any, Any]] = getattr(aiomysql.Connection, name)

    @functools.wraps(method)
    async def turn(self: Any, *arguments: Any, **options: Any) -> Any:
        with self.taking_its_turn():
            return await method(self, *arguments, **options)

    return turn


class Connection(aiomysql.Connection, OnRecord):  # type: ignore[misc]  # the driver has no types
    """A connection of which is known whether all that was sent was answered."""

    insists_on_tls = False
    _link: Any = None

    begin, commit, rollback, ping = in_turn("begin"), in_turn("commit"), in_turn("rollback"), in_turn("ping")
    select_db, set_charset, kill = in_turn("select_db"), in_turn("set_charset"), in_turn("kill")
    show_warnings, next_result = in_turn("show_warnings"), in_turn("next_result")
    _send_autocommit_mode = in_turn("_send_autocommit_mode")

    async def connect(self) -> None:
        """Connect, and note how the session begins."""
        await self._connect()
        self.note_beginning()

    def note_beginning(self) -> None:
        """Note what the session is now."""
        words = (self.charset, None, self.db, self.sql_mode, self.init_command)
        self.beginning = Beginning(self.get_autocommit(), *words)

    async def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        """Run a statement. What cannot be written is refused while nothing has been sent."""
        statement = sql.encode(self.encoding, "surrogateescape") if isinstance(sql, str) else sql
        self.note(statement)
        with self.taking_its_turn():
            return await aiomysql.Connection.query(self, statement, unbuffered)

    def taking_its_turn(self) -> Turn:
        """Let no other task speak meanwhile. An answer that breaks off hangs up."""
        return Turn(self, asyncio.current_task(), aiomysql.ProgrammingError)

    async def start_anew(self) -> None:
        """Have the server clear the session, and open it as it was opened at first, but for the login."""
        first = self.beginning
        with self.taking_its_turn():
            await self._execute_command(RESET_CONNECTION, b"")
            await self._read_ok_packet()
        await self.set_charset(first.charset)
        if first.database:
            await self.select_db(first.database)
        if first.sql_mode is not None:
            await self.query(f"SET sql_mode={first.sql_mode}")
        if first.init_command is not None:
            await self.query(first.init_command)
            await self.commit()

    async def go_back(self) -> None:
        """Tell the server again what the session began with, where that was changed."""
        if self.charset != self.beginning.charset:
            await self.set_charset(self.beginning.charset)
        await self.autocommit(self.beginning.autocommit)

    async def _read_packet(self, *packet_type: Any) -> Any:
        """Read a packet, and keep it: the last one of an answer has the server's status."""
        with self.taking_its_turn():
            self.last_answer = None  # should this one be an error
            packet = await aiomysql.Connection._read_packet(self, *packet_type)
            self.last_answer = packet.get_all_data()
            return packet

    async def _request_authentication(self) -> None:
        """Introduce itself, once it is clear whether by TLS."""
        settle_tls(self)
        try:
            await aiomysql.Connection._request_authentication(self)
        finally:
            self._link = self._writer and self._writer.transport  # the driver forgets it if connecting fails

    def hang_up(self) -> None:
        """End the stream at once: closing in good order would wait for the other side, under TLS for half a minute."""
        link = self._writer.transport if self._writer else self._link
        if link is not None:
            if self.was_left is None:
                self.was_left = is_left(link)
            with suppress(RuntimeError):  # the loop is closed: then the stream ends when it is collected
                link.abort()
        aiomysql.Connection.close(self)

    close = hang_up


def is_left(link: asyncio.BaseTransport) -> bool:
    """Has the other side hung up?"""
    try:
        return look_through(link) is HUNG_UP
    except AttributeError:  # so TLS shows that it has ended
        return True


def settle_tls(session: Any) -> None:
    """Ask a server without TLS for none, or give up: the driver would ask for it, and go on in the clear."""
    if session._ssl_context and not session.server_capabilities & OFFERS_TLS:
        if session.insists_on_tls:
            raise aiomysql.OperationalError(NO_TLS, "SSL is required but the server doesn't support it")
        session._ssl_context = None
        session.client_flag &= ~OFFERS_TLS
