"""What every session pool for asyncio offers, whatever its policy; the words are those of google-cloud-spanner."""

from abc import ABC, abstractmethod
from types import CodeType, TracebackType
from typing import Any, Generic

from pingpool.core.slot import S
from pingpool.errors import PoolFull
from pingpool.pool.at_once import at_once
from pingpool.pool.blocks import has_noted
from pingpool.pool.caller import wraps

wraps(__file__)


class AbstractAsyncSessionPool(ABC, Generic[S]):
    """Lends out sessions of one database, within one event loop."""

    @abstractmethod
    async def bind(self, database: Any) -> None:
        """Associate the pool with a database."""

    @abstractmethod
    async def get(self, timeout: float | None = None) -> S:
        """Check a session out, waiting at most `timeout` seconds."""

    @abstractmethod
    async def put(self, session: S) -> None:
        """Check a session in; never suspends."""

    def get_nowait(self) -> S:
        """Check a session out without suspending: `get(0)` for those who cannot await, such as a callback of the loop.

        One that is overdue cannot be had: it is checked for the next caller.

        Raises:
            PoolTimeout: none is idle and fresh; also an `asyncio.QueueEmpty` and a `TimeoutError`.
        """
        return at_once(self.get(0))

    def put_nowait(self, session: S) -> None:
        """Check a session in without suspending: `put` for those who cannot await.

        Raises:
            AlreadyReturned, NotLent: as `put`.
        """
        at_once(self.put(session))

    @abstractmethod
    async def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use: an error, or None if all went well. Never suspends."""

    def _reclaim(self, session: S) -> None:
        """Take a session back that a block has still, because its end was interrupted."""

    @abstractmethod
    async def clear(self) -> None:
        """Delete every session that is not lent."""

    def session(self, timeout: float | None = None) -> "AsyncCheckout[S]":
        """Return a context manager that checks a session out for the length of an `async with` block."""
        block: AsyncCheckout[S] = AsyncCheckout()
        block.pool, block.timeout, block.session = self, timeout, None
        return block


class AsyncCheckout(Generic[S]):
    """One use of a session, from `async with pool.session() as session:` to the end of the block.

    How the block ended decides what becomes of the session: see `AsyncPingingPool.give_back`.
    """

    __slots__ = ("pool", "session", "timeout")

    pool: AbstractAsyncSessionPool[S]
    session: S | None
    timeout: float | None  # set by `session()`: an `__init__` would double the time

    async def __aenter__(self) -> S:
        """Check the session out."""
        if self.session is not None:
            raise RuntimeError("this block has its session already; ask the pool for another session()")
        session = self.session = await self.pool.get(self.timeout)
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back. Nothing here suspends, so no cancel can come in between."""
        session, self.session = self.session, None
        if session is None:
            return
        try:
            await self.pool.give_back(session, error)
        except BaseException as failure:
            if not isinstance(failure, PoolFull):
                self.pool._reclaim(session)  # pyright: ignore[reportPrivateUsage] (of no use to anybody else)
            if not has_noted(failure, error):
                raise


ENTER: CodeType = vars(AsyncCheckout)["__aenter__"].__code__
"""The code that enters a block: whoever awaits it for an `async with` ends the block in the same frame."""
