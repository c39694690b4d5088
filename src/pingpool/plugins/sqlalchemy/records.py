"""SQLAlchemy's records of connections, as the sessions that a pool lends.

A record is opened by SQLAlchemy, so that its events, the set-up of the dialect and of types come as ever; and it is
SQLAlchemy that rolls back when one is returned. What is known of the driver does the rest: looks, pings, an end to what
hangs.
"""

from collections.abc import Awaitable, Callable, Mapping
from inspect import getclosurevars
from typing import Any

from sqlalchemy.pool import Pool
from sqlalchemy.util import greenlet_spawn

from pingpool.database import Traits
from pingpool.databases.through import AsyncThrough
from pingpool.plugins.drivers import Opened, OpenedByOthers
from pingpool.plugins.sqlalchemy.drivers import async_database_for, connection_of, database_for
from pingpool.text import escaped


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


def place_of(dialect: Any, creator: Callable[..., Any]) -> str:
    """Return where an engine's database is, without a secret; of a creator of one's own only the dialect is known."""
    words = "+".join(filter(None, (getattr(dialect, "name", ""), getattr(dialect, "driver", ""))))
    given = given_to(creator)
    host = ":".join(str(given[name]) for name in ("host", "port") if given.get(name))
    database = next((str(given[name]) for name in ("dbname", "database", "db") if given.get(name)), "")
    return escaped(f"{words}://{host}/{database}" if host or database else words)


def given_to(creator: Callable[..., Any]) -> Mapping[str, Any]:
    """Return what `create_engine` passes to the driver by name: its creator keeps that, and nobody else tells."""
    try:
        kept: Any = getclosurevars(creator).nonlocals.get("cparams")
    except TypeError:  # a callable object
        return {}
    return kept if isinstance(kept, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]
