"""A database made of plain functions: anything that can be opened can be pooled.

pool = pingpool.open(Callables(connect, ping=lambda c: c.send_ping(), delete=lambda c: c.hang_up()))
"""

from collections.abc import Callable, Mapping

from pingpool.database import Database, S

Is = Callable[[BaseException], bool]


class Callables(Database[S]):
    """Opens sessions with `create()`, which takes no argument; the rest is optional.

    Args:
        create: opens one session.
        ping: raises if its session is dead; without it the session's own `ping()` is called.
        delete: ends a session; without it the session's own `close()` or `delete()` is called.
        is_lost: does this error, which ended a `session()` block, mean that the session is dead?
    """

    def __init__(
        self,
        create: Callable[[], S],
        *,
        ping: Callable[[S], object] | None = None,
        delete: Callable[[S], object] | None = None,
        is_lost: Is | None = None,
    ) -> None:
        """Keep the functions."""
        self._create = create
        self._ping = ping
        self._delete = delete
        self._is_lost = is_lost

    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return self._create()

    def ping(self, session: S, *, timeout: float) -> None:
        """Prove it."""
        if self._ping is None:
            super().ping(session, timeout=timeout)
        else:
            self._ping(session)

    def delete(self, session: S, *, timeout: float) -> None:
        """End it."""
        if self._delete is None:
            super().delete(session, timeout=timeout)
        else:
            self._delete(session)

    def is_lost(self, error: BaseException) -> bool:
        """Ask the function for that, if there is one."""
        return self._is_lost is not None and self._is_lost(error)
