"""A pool without a database, for the tests of an application: it lends what it is given, and remembers what came back.

pool = FakePool([FakeConnection()])
handler(pool)
assert pool.uses == [None]
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from pingpool.core.slot import S
from pingpool.errors import NotLent, PoolTimeout
from pingpool.threads.abstract import AbstractSessionPool


class FakePool(AbstractSessionPool[S]):
    """Lends the given sessions, the least recently used first, without a thread and without waiting.

    `uses` has an entry for each session that came back: the error that ended its use, or None. `parted` are those that
    were discarded or detached, and whose block has not ended.
    """

    def __init__(self, sessions: Iterable[S]) -> None:
        self.idle: deque[S] = deque(sessions)
        self.in_use: list[S] = []
        self.uses: list[BaseException | None] = []
        self.parted: list[S] = []

    def bind(self, database: Any, *, wait_for: int | None = None) -> None:
        """Do nothing: there is no database."""

    def wait(self, timeout: float | None = None, sessions: int | None = None) -> None:
        """Do nothing: all sessions are there."""

    def get(self, timeout: float | None = None) -> S:
        """Check a session out.

        Raises:
            PoolTimeout: all are in use; a fake does not wait.
        """
        if not self.idle:
            raise PoolTimeout(f"all {len(self.in_use)} sessions of this fake are in use")
        session = self.idle.popleft()
        self.in_use.append(session)
        return session

    def put(self, session: S) -> None:
        """Check a session in.

        Raises:
            NotLent: this fake did not lend it, or it came back before.
        """
        self._check_in(session, None)

    def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, and remember what ended its use; do nothing if it was discarded or detached."""
        if any(each is session for each in self.parted):
            self.parted = [each for each in self.parted if each is not session]
        else:
            self._check_in(session, error)

    def _check_in(self, session: S, error: BaseException | None) -> None:
        for number, each in enumerate(self.in_use):
            if each is session:
                del self.in_use[number]
                self.idle.append(session)
                self.uses.append(error)
                return
        raise NotLent(f"this fake did not lend this {type(session).__name__}, or it came back before")

    def check(self, timeout: float | None = None) -> float:
        """Say that a session could be proven, in no time, if one is idle.

        Raises:
            PoolTimeout: all are in use.
        """
        if not self.idle:
            raise PoolTimeout(f"all {len(self.in_use)} sessions of this fake are in use")
        return 0.0

    def discard(self, session: S) -> None:
        """Forget a session that is lent.

        Raises:
            NotLent: this fake did not lend it, or it came back before.
        """
        self._forget(session)

    def detach(self, session: S) -> None:
        """Forget a session that is lent.

        Raises:
            NotLent: this fake did not lend it, or it came back before.
        """
        self._forget(session)

    def renew(self, timeout: float | None = 0) -> bool:
        """Say that it is done: there is no database."""
        return True

    def _forget(self, session: S) -> None:
        self._check_in(session, None)
        self.idle.pop()
        self.uses.pop()
        self.parted.append(session)

    def clear(self) -> None:
        """Forget the sessions that are not lent."""
        self.idle.clear()
