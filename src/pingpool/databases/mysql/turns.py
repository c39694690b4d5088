"""aiomysql's connection as it is pooled here: it keeps to one command at a time, to TLS, and ends at once."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pingpool.databases.mysql.traits import said_by_server

aiomysql: Any = import_module("aiomysql")  # it has no types

NO_TLS = 2026
"""The code of an error that the driver finds out by itself."""

OFFERS_TLS = 2048
"""The flag of the server's capabilities that says so."""


def in_turn(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a method of the driver that is refused while another task's command is under way."""
    method: Callable[..., Coroutine[Any, Any, Any]] = getattr(aiomysql.Connection, name)

    @functools.wraps(method)
    async def turn(self: Any, *arguments: Any, **options: Any) -> Any:
        with self.taking_its_turn():
            return await method(self, *arguments, **options)

    return turn


class Connection(aiomysql.Connection):  # type: ignore[misc]  # the driver has no types
    """One command at a time: else the answer to a second is read by nobody, and taken for the answer to a third."""

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
        """Let no other task speak meanwhile. An answer that breaks off closes the connection."""
        me = asyncio.current_task()
        if self.speaker not in (None, me):
            raise aiomysql.ProgrammingError("another command is under way on this session: it takes one at a time")
        outer, self.speaker = self.speaker, me
        try:
            yield
        except BaseException as error:
            if not said_by_server(error):
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


def settle_tls(session: Any) -> None:
    """Ask a server without TLS for none, or give up: the driver would ask for it, and go on in the clear."""
    if session._ssl_context and not session.server_capabilities & OFFERS_TLS:
        if session.insists_on_tls:
            raise aiomysql.OperationalError(NO_TLS, "SSL is required but the server doesn't support it")
        session._ssl_context = None
        session.client_flag &= ~OFFERS_TLS
