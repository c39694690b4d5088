"""SQLAlchemy's records of connections, as the sessions that a pool lends.

A record is opened by SQLAlchemy, so that its events, the set-up of the dialect and of types come as ever; and it is
SQLAlchemy that rolls back when one is returned. What is known of the driver does the rest: looks, pings, an end to what
hangs.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.pool import Pool
from sqlalchemy.util import greenlet_spawn

from pingpool.database import Traits
from pingpool.databases.through import AsyncThrough
from pingpool.plugins.opened_by_others import Opened, OpenedByOthers
from pingpool.plugins.sqlalchemy.creators import place_of
from pingpool.plugins.sqlalchemy.drivers import async_database_for, connection_of, database_for


class OfAPool(OpenedByOthers):
    """What the records of both worlds share."""

    needs_reset = Traits[Any].needs_reset
    """Never: SQLAlchemy has reset it."""

    def _place(self) -> str:
        return self._where

    _where = ""

    def _prepare(self, dialect: Any, creator: Callable[..., Any]) -> None:
        self.understand(getattr(dialect, "dbapi", None))
        self._where = place_of(dialect, creator)
        self._look = self._database.looks_alive
        vars(self)["looks_alive"] = self._looks_alive

    _look: Callable[[Any], bool]
    """What the database sees of a driver's connection."""

    def _looks_alive(self, session: Any) -> bool:
        """Does the connection look alive, and has nobody invalidated it, or the whole pool?"""
        return not session._is_hard_or_soft_invalidated() and self._look(self._unwrap(session))

    def _is_at_work(self, session: Any) -> bool:
        """May something run in the connection, by what the driver tells?"""
        return self._unwrap(session) is not None and bool(self._ask("needs_reset", session))


class Records(OfAPool, Opened):
    """The records of a pool for threads."""

    def __init__(self, pool: Pool) -> None:
        dialect = pool._dialect  # pyright: ignore[reportPrivateUsage] (as SQLAlchemy's own pools do)
        create = pool._create_connection  # pyright: ignore[reportPrivateUsage]
        super().__init__(database_for(dialect), create=create, unwrap=connection_of)
        self._prepare(dialect, pool._creator)  # pyright: ignore[reportPrivateUsage] (the same)


class AsyncRecords(OfAPool, AsyncThrough[Any, Any]):
    """The records of a pool for asyncio. SQLAlchemy works on them in greenlets, as it always does there."""

    def __init__(self, pool: Pool, create: Callable[[], Awaitable[Any]]) -> None:
        dialect = pool._dialect  # pyright: ignore[reportPrivateUsage] (as SQLAlchemy's own pools do)
        database, unwrap = async_database_for(dialect)
        super().__init__(database, create=create, unwrap=unwrap)
        self._prepare(dialect, pool._creator)  # pyright: ignore[reportPrivateUsage] (the same)

    async def create(self, *, labels: Any, timeout: float) -> Any:
        """Have SQLAlchemy open a connection."""
        record = await super().create(labels=labels, timeout=timeout)
        self._has_opened = True
        return record

    async def delete(self, session: Any, *, timeout: float) -> None:
        """Have SQLAlchemy close it; what may run in it is ended by the database before."""
        try:
            if self._is_at_work(session):
                await self._call("delete", session, timeout=timeout)
        finally:
            await greenlet_spawn(session.close)
