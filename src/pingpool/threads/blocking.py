"""What the shared coroutines are among threads: a database whose calls block, and a run that never stops on its way."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from pingpool.core.slot import S
from pingpool.database import AsyncDatabase, Database

T = TypeVar("T")


class Blocking(AsyncDatabase[S]):
    """The calls of a `Database` as coroutines that never suspend."""

    def __init__(self, database: Database[S]) -> None:
        self._it = database

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return self._it.create(labels=labels, timeout=timeout)

    async def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open up to `count` sessions in one call."""
        return self._it.create_many(count, labels=labels, timeout=timeout)

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove the session."""
        self._it.ping(session, timeout=timeout)

    async def check(self, session: S, *, timeout: float) -> None:
        """Prove it to somebody who waits."""
        self._it.check(session, timeout=timeout)

    async def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up."""
        self._it.configure(session, timeout=timeout)

    async def reset(self, session: S, *, timeout: float) -> bool | None:
        """Undo what the last holder left open."""
        return self._it.reset(session, timeout=timeout)

    async def unlock(self, session: S, *, timeout: float) -> None:
        """Let go of its locks."""
        self._it.unlock(session, timeout=timeout)

    async def delete(self, session: S, *, timeout: float) -> None:
        """End the session."""
        self._it.delete(session, timeout=timeout)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end by one send: what it waits for blocks, so it must have ended without suspending."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        coroutine.close()
    raise AssertionError(f"{coroutine!r} suspended among threads")
