"""A database made of coroutine functions: anything that can be opened can be pooled.

pool = await pingpool.open_async(AsyncCallables(connect, ping=send_ping, delete=hang_up))
"""

from collections.abc import Awaitable, Callable, Mapping

from pingpool.database import AsyncDatabase, S


class AsyncCallables(AsyncDatabase[S]):
    """Opens sessions with `await create()`, which takes no argument; the rest is optional.

    Args:
        create: opens one session.
        ping: raises if its session is dead; without it the session's own `ping()` is awaited.
        delete: ends a session; without it the session's own `aclose()`, `close()` or `delete()` is called.
        is_lost: does this error, which ended a `session()` block, mean that the session is dead?
    """

    def __init__(
        self,
        create: Callable[[], Awaitable[S]],
        *,
        ping: Callable[[S], Awaitable[object]] | None = None,
        delete: Callable[[S], Awaitable[object]] | None = None,
        is_lost: Callable[[BaseException], bool] | None = None,
    ) -> None:
        """Keep the functions."""
        self._create = create
        self._ping = ping
        self._delete = delete
        self._is_lost = is_lost

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return await self._create()

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove it."""
        if self._ping is None:
            await super().ping(session, timeout=timeout)
        else:
            await self._ping(session)

    async def delete(self, session: S, *, timeout: float) -> None:
        """End it."""
        if self._delete is None:
            await super().delete(session, timeout=timeout)
        else:
            await self._delete(session)

    def is_lost(self, error: BaseException) -> bool:
        """Ask the function for that, if there is one."""
        return self._is_lost is not None and self._is_lost(error)
