"""Sessions that are put into a pool before it is bound, as Google's pool allows: made by hand, and all on their own.

There is no database yet, so none is opened; what is asked of a session it is asked itself. `bind` takes them over.
"""

from collections.abc import Mapping
from typing import Any

from pingpool.database import AsyncDatabase, Database
from pingpool.databases.spanner.errors import not_found
from pingpool.databases.spanner.traits import SpannerTraits


class ByHand(SpannerTraits, Database[Any]):
    """Asks each session itself."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Open none."""
        raise RuntimeError("the pool is not bound: bind() comes first")

    def check(self, session: Any, *, timeout: float) -> None:
        """Ask whether the session exists."""
        if not session.exists():
            raise not_found(session.name)

    def ping(self, session: Any, *, timeout: float) -> None:
        """Let the session prove itself."""
        session.ping()

    def delete(self, session: Any, *, timeout: float) -> None:
        """Let the session delete itself."""
        session.delete()


class AsyncByHand(SpannerTraits, AsyncDatabase[Any]):
    """The same for asyncio."""

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Open none."""
        raise RuntimeError("the pool is not bound: bind() comes first")

    async def check(self, session: Any, *, timeout: float) -> None:
        """Ask whether the session exists."""
        if not await session.exists():
            raise not_found(session.name)

    async def ping(self, session: Any, *, timeout: float) -> None:
        """Let the session prove itself."""
        await session.ping()

    async def delete(self, session: Any, *, timeout: float) -> None:
        """Let the session delete itself."""
        await session.delete()
