"""What the calls of a database are among threads: coroutines that block, and never stop on their way."""

from collections.abc import Mapping, Sequence

from pingpool.core.slot import S
from pingpool.database import AsyncDatabase, Database


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
