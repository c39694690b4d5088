"""What every session pool for threads offers, whatever its policy; the words are those of google-cloud-spanner."""

from abc import ABC, abstractmethod
from types import CodeType, TracebackType
from typing import Any, Generic

from pingpool.core.slot import S
from pingpool.errors import PoolFull
from pingpool.pool.blocks import has_noted
from pingpool.pool.caller import wraps

wraps(__file__)


class AbstractSessionPool(ABC, Generic[S]):
    """Lends out sessions of one database."""

    @abstractmethod
    def bind(self, database: Any) -> None:
        """Associate the pool with a database."""

    @abstractmethod
    def get(self, timeout: float | None = None) -> S:
        """Check a session out, waiting at most `timeout` seconds."""

    @abstractmethod
    def put(self, session: S) -> None:
        """Check a session in; never blocks."""

    def get_nowait(self) -> S:
        """Check a session out without waiting: `get(0)`, by the name that it has in the queues of both worlds.

        Raises as `get` does: `PoolTimeout` if none can be had at once.
        """
        return self.get(0)

    def put_nowait(self, session: S) -> None:
        """Check a session in: `put`, by the name that it has in the queues of both worlds."""
        self.put(session)

    @abstractmethod
    def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use: an error, or None if all went well."""

    def _reclaim(self, session: S) -> None:
        """Take a session back that a block has still, because its end was interrupted."""

    @abstractmethod
    def clear(self) -> None:
        """Delete every session that is not lent."""

    def session(self, timeout: float | None = None) -> "Checkout[S]":
        """Return a context manager that checks a session out for the length of a `with` block."""
        block: Checkout[S] = Checkout()
        block.pool, block.timeout, block.session = self, timeout, None
        return block


class Checkout(Generic[S]):
    """One use of a session, from `with pool.session() as session:` to the end of the block.

    How the block ended decides what becomes of the session: see `PingingPool.give_back`.
    """

    __slots__ = ("pool", "session", "timeout")

    pool: AbstractSessionPool[S]
    session: S | None
    timeout: float | None  # set by `session()`: an `__init__` would double the time

    def __enter__(self) -> S:
        """Check the session out."""
        if self.session is not None:
            raise RuntimeError("this block has its session already; ask the pool for another session()")
        session = self.session = self.pool.get(self.timeout)
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        session, self.session = self.session, None
        if session is None:
            return
        try:
            self.pool.give_back(session, error)
        except BaseException as failure:
            if not isinstance(failure, PoolFull):
                self.pool._reclaim(session)  # pyright: ignore[reportPrivateUsage] (of no use to anybody else)
            if not has_noted(failure, error):
                raise


ENTER: CodeType = vars(Checkout)["__enter__"].__code__
"""The code that enters a block: whoever runs it for a `with` ends the block in the same frame."""
