"""Redis and Valkey for asyncio: what is pooled is the raw `Connection` of the driver's asyncio half."""

import asyncio
import importlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pingpool.databases.common.configuring import AsyncConfigured
from pingpool.databases.common.credentials import AsyncPassword, asked_async
from pingpool.databases.common.roles import refuse_wrong_node
from pingpool.databases.common.sockets import QUIET, descriptor_through, look_through
from pingpool.databases.common.timeouts import SHARE_OF_TIME
from pingpool.databases.redis.answers import AsyncCount, all_pushes, counting, has_read_ahead
from pingpool.databases.redis.client import never_again
from pingpool.databases.redis.traits import (
    ASK_FOR_ROLE,
    RESET,
    RedisTraits,
    Session,
    takes_writes,
)


class AsyncRedis(RedisTraits[AsyncPassword], AsyncConfigured[Session]):
    """The sessions of one Redis or Valkey database; the arguments are those of `Redis`.

    The functions for host, port, the password, for `reset` and `configure` may be coroutine functions.

        pool = await pingpool.open_async(AsyncRedis("cache", db=1, password=read_secret, ssl=True))

    Raises:
        BadURL: an option makes no sense.
    """

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels become the client's name, seen in `CLIENT LIST`."""
        moves = self._roles.moves
        kinds = importlib.import_module(f"{self._driver.__name__}.asyncio.connection")
        kind = counting(getattr(kinds, self._kind.__name__), AsyncCount, self._driver.ResponseError)
        address = await self._address.now_async()
        session = kind(**address, **self.introduction(labels, await asked_async(self._password)))
        session.retry = no_retry(self._driver)
        try:
            with self.naming_timeouts():
                async with asyncio.timeout(SHARE_OF_TIME * timeout):
                    await session.connect()
        except BaseException:
            await session.disconnect(nowait=True)
            raise
        never_again(session)
        self.remember(session)
        self._roles.settle(session, moves)
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send a PING and wait for its answer; never reconnect."""
        if not session.is_connected:
            raise self._driver.ConnectionError("the connection is closed")
        moves = self._roles.moves
        await session.send_command("PING", check_health=False)
        self.refuse_all_but_pong(await session.read_response())
        if self._roles.has_to_be_asked(session):
            await session.send_command(ASK_FOR_ROLE, check_health=False)
            with suppress(self._driver.ResponseError):  # it does not tell, or not everybody
                refuse_wrong_node(takes_writes(await session.read_response()))
        self._roles.settle(session, moves)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection."""
        await session.disconnect(nowait=True)

    def descriptor_of(self, session: Session) -> int | None:
        """Return the descriptor of a connection that is open."""
        writer = session._writer
        return None if writer is None else descriptor_through(writer.transport)

    def looks_alive(self, session: Session) -> bool:
        """Is the connection open, and no answer on its way? Push messages count as answers until they are read."""
        reader = session._reader
        if session.owed or reader is None or reader.at_eof() or reader.exception() is not None:
            return False
        if has_read_ahead(session._parser) or not all_pushes(bytes(reader._buffer)):
            return False
        return look_through(session._writer.transport) is QUIET

    async def reset(self, session: Session, *, timeout: float) -> bool:
        """Undo what the last holder left open or changed, as far as there are commands for that."""
        commands = self.undoing(session)
        is_anew = RESET in commands  # it brings the connection back to before it was introduced
        if commands and not session.is_connected:
            raise self._driver.ConnectionError("the connection is closed")
        for command in commands:
            await session.send_command(*command, check_health=False)
            with self.judging(command):
                self.check_answer(command, await session.read_response())
        if is_anew:
            await session.on_connect()
        self.note_undone(session)
        await self._resets.call_async(session)
        return is_anew


def no_retry(driver: Any) -> Any:
    """Return the driver's way of not trying again: that is the pool's business."""
    retry = importlib.import_module(f"{driver.__name__}.asyncio.retry").Retry
    return retry(importlib.import_module(f"{driver.__name__}.backoff").NoBackoff(), 0)
