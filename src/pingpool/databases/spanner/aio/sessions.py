"""The session that a pool for asyncio lends: that of Google's `AsyncClient`, which also tells its pool what it learns.

What it tells, and why, is in `databases.spanner.sessions`. Between the end of `exists()` and what the client does about
a session that is gone there is no `await`, so the two are never torn apart.
"""

from collections.abc import Callable
from typing import Any

from google.cloud.spanner_v1._async.session import Session

from pingpool.databases.spanner.sessions import Pooled


class AsyncPooledSession(Pooled, Session):
    """A session of a pool for asyncio; `death` is the error by which it is known to be gone, if it is."""

    async def exists(self) -> bool:
        """Ask the server, as Google's session does; the pool hears of a no."""
        return self.noted(await self._google.exists())

    async def create(self) -> None:
        """Open the session with the labels and the role of its pool."""
        home = self.opener()
        if home is None:
            await self._google.create()
        else:
            self.opened_as(await home.open_one(self))

    async def delete(self) -> None:
        """End the session now, as Google's session does; its slot in the pool comes free, so it need not be put.

        If that fails, or is cancelled, the pool sees to it.
        """
        with self.being_deleted():
            await self._google.delete()

    async def ping(self) -> None:
        """Run a statement, as Google's session does."""
        with self.noticing_its_death():
            await self._google.ping()

    async def run_in_transaction(self, func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Run a function, or a coroutine function, in a transaction, as Google's session does."""
        with self.noticing_its_death():
            return await self._google.run_in_transaction(func, *args, **kw)
