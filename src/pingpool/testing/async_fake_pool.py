"""The pool without a database, for asyncio: see `pingpool.testing.fake_pool`."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from pingpool.aio.abstract import AbstractAsyncSessionPool
from pingpool.aio.errors import as_in_asyncio
from pingpool.core.slot import S
from pingpool.errors import PoolError
from pingpool.testing.fake_pool import FakePool


class AsyncFakePool(AbstractAsyncSessionPool[S]):
    """Lends the given sessions, the least recently used first, and never suspends. `fake` remembers what came back."""

    def __init__(self, sessions: Iterable[S]) -> None:
        self.fake: FakePool[S] = FakePool(sessions)

    async def bind(self, database: Any, *, wait_for: int | None = None) -> None:
        """Do nothing: there is no database."""

    async def wait(self, timeout: float | None = None, sessions: int | None = None) -> None:
        """Do nothing: all sessions are there."""

    async def get(self, timeout: float | None = None) -> S:
        """Check a session out.

        Raises:
            PoolTimeout: all are in use; a fake does not wait.
        """
        with _errors_of_asyncio():
            return self.fake.get(timeout)

    async def put(self, session: S) -> None:
        """Check a session in."""
        with _errors_of_asyncio():
            self.fake.put(session)

    async def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, and remember what ended its use."""
        with _errors_of_asyncio():
            self.fake.give_back(session, error)

    async def check(self, timeout: float | None = None) -> float:
        """Say that a session could be proven, in no time, if one is idle.

        Raises:
            PoolTimeout: all are in use.
        """
        with _errors_of_asyncio():
            return self.fake.check(timeout)

    async def discard(self, session: S) -> None:
        """Forget a session that is lent."""
        with _errors_of_asyncio():
            self.fake.discard(session)

    async def detach(self, session: S) -> None:
        """Forget a session that is lent."""
        with _errors_of_asyncio():
            self.fake.detach(session)

    async def renew(self, timeout: float | None = 0) -> bool:
        """Say that it is done: there is no database."""
        return self.fake.renew(timeout)

    async def clear(self) -> None:
        """Forget the sessions that are not lent."""
        self.fake.clear()


@contextmanager
def _errors_of_asyncio() -> Generator[None, None, None]:
    """Raise what a fake raises as callers of asyncio's queues expect it."""
    try:
        yield
    except PoolError as error:
        raise as_in_asyncio(error) from None
