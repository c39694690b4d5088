"""How a new session is set up before anybody gets it: `configure=`, the same word for every database.

A pool calls it once of each new session, and again after a reset that has undone what it set. What it sets is kept,
also where a driver has opened a transaction for it, and is what later resets put back to.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from pingpool.database import AsyncDatabase, Database, S, Traits
from pingpool.databases.common.given import call, call_async, refuse_signature
from pingpool.pool.hooks import SESSION

Configure: TypeAlias = Callable[[Any], object] | None
"""A function of the session, or none."""

AsyncConfigure: TypeAlias = Configure | Callable[[Any], Awaitable[object]]
"""The same where one may wait: it may be a coroutine function."""


C = TypeVar("C", bound=AsyncConfigure)


def to_configure(configure: C) -> C:
    """Return what was given to set sessions up. Raises `TypeError` if it cannot be called with a session."""
    if configure is not None:
        refuse_signature("configure", configure, (SESSION,), {})
    return configure


class Remembering(Traits[S]):
    """A database that knows how its sessions were set when they were new."""

    _configure: AsyncConfigure

    def remember(self, session: S) -> None:
        """Note how a new session is set: so it is put back to."""

    def remember_opened(self, session: S) -> None:
        """Note how it was opened, before it is configured."""
        self.remember(session)


class Configured(Remembering[S], Database[S]):
    """The database of `configure=` among threads."""

    def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up, and note how it is set."""
        self.remember_opened(session)
        if self._configure is not None:
            call("configure", self._configure, session)
            self.keep(session)
        self.remember(session)

    def keep(self, session: S) -> None:
        """Commit what was set, if a transaction is open."""


class AsyncConfigured(Remembering[S], AsyncDatabase[S]):
    """The database of `configure=` in asyncio."""

    async def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up, and note how it is set."""
        self.remember_opened(session)
        if self._configure is not None:
            await call_async("configure", self._configure, session)
            await self.keep(session)
        self.remember(session)

    async def keep(self, session: S) -> None:
        """Commit what was set, if a transaction is open."""
