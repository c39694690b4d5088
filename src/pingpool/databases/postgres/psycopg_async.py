"""PostgreSQL for asyncio, by psycopg 3: what is pooled is `psycopg.AsyncConnection`."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import psycopg
from psycopg.generators import execute

from pingpool.databases.common.configuring import AsyncConfigured
from pingpool.databases.common.credentials import AsyncPassword, asked_async
from pingpool.databases.common.sockets import QUIET, look_at
from pingpool.databases.postgres.cancels import pauses, time_to_cancel
from pingpool.databases.postgres.leftovers import (
    LONGEST_FAREWELL,
    end_stream,
    forget_discarded,
    is_at_work,
    is_busy,
    is_in_two_phases,
    leave_to_its_holder,
    refuse_unfinished,
)
from pingpool.databases.postgres.traits import PsycopgTraits, read_release
from pingpool.databases.postgres.words import UNLOCK

Session: TypeAlias = "psycopg.AsyncConnection[Any]"


class AsyncPostgres(PsycopgTraits[Session, AsyncPassword], AsyncConfigured[Session]):
    """The sessions of one PostgreSQL database; the arguments are those of `Postgres`.

    The functions for the address, for the password, for the reset, and to configure may be coroutine functions.

        pool = await pingpool.open_async(AsyncPostgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    DRIVERS = ("psycopg", "psycopg_async")

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen in the `application_name`."""
        address, password = await self._address.now_async(), await asked_async(self._password)
        moves = self._roles.moves
        session = await psycopg.AsyncConnection.connect(**self.arguments(address, labels, timeout, password))
        self._roles.settle(session, moves)
        self.remember(session)
        return session

    async def keep(self, session: Session) -> None:
        """Commit what was set, if a transaction is open."""
        if self.has_to_be_kept(session):
            await session.commit()

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; it opens no transaction."""
        moves = self._roles.moves
        answers = await ask(session, self.question_for(session))
        self.read_answers(session, answers, moves)

    async def unlock(self, session: Session, *, timeout: float) -> None:
        """Let go of the advisory locks, which outlive a rollback."""
        read_release(await ask(session, UNLOCK.encode()))

    async def reset(self, session: Session, *, timeout: float) -> bool:
        """Roll back, put the attributes of the connection object back, and clear the session if asked to."""
        refuse_unfinished(session)
        if is_in_two_phases(session):
            await session.tpc_rollback()
        if (statements := self.rollback_of(session)) is not None:
            self.read_rollback(session, await ask(session, statements))
        await session.rollback()
        if self._resets.is_full:
            self.begin_anew(session)
        await self._put_back(session)
        self._adapters.put_back(session)
        if self._resets.is_full:
            own = session.autocommit
            await session.set_autocommit(True)
            await session.execute("DISCARD ALL", prepare=False)
            forget_discarded(session)
            await session.set_autocommit(own)
        await self._resets.call_async(session)
        return self._resets.is_full

    async def _put_back(self, session: Session) -> None:
        """Set what was changed on the connection object to its first value; some of it takes a coroutine."""
        for name, first in self._attributes.differing(session):
            if hasattr(session, f"set_{name}"):
                await getattr(session, f"set_{name}")(first)
            else:
                setattr(session, name, first)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open. A statement under way is cancelled first."""
        if is_busy(session):
            try:
                await cancel(session, time_to_cancel(timeout))
            finally:
                end_stream(session)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout, LONGEST_FAREWELL)), session.lock:
                await session.close()
                return
        leave_to_its_holder(session)


async def cancel(session: Session, timeout: float) -> None:
    """Have a statement cancelled that is under way; it has ended, or is bound to, once the server says something."""
    with suppress(psycopg.Error):
        for pause in pauses(session.fileno, timeout):
            if not is_at_work(session):
                return
            await session.cancel_safe(timeout=timeout)
            await asyncio.sleep(pause)
            if look_at(session.fileno()) is not QUIET:
                return


async def ask(session: Session, question: bytes) -> list[Any]:
    """Send a statement past the driver, so that it opens no transaction, and return its answers."""
    async with session.lock:
        session.pgconn.send_query(question)
        return await session.wait(execute(session.pgconn))
