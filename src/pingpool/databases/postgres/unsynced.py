"""Statements of asyncpg that were prepared, and never run: the server is left in a transaction that nobody began.

asyncpg prepares without a `Sync`, which only running the statement sends. Until then the server believes to be at work:
its `now()` stands still, and the tables of the statement stay locked against changes. asyncpg itself sees none of it.
But it counts what it runs, and not what it prepares.
"""

from functools import cache
from typing import Any


@cache
def noting(kind: Any) -> Any:
    """Return this kind of connection as one that notes when it prepares."""

    class Connection(kind):  # type: ignore[misc]  # whatever kind is given
        """A connection that knows the count of what had run when it last prepared."""

        __slots__ = ("prepared_at",)

        def __init__(self, *arguments: Any, **named: Any) -> None:
            base: Any = super()
            base.__init__(*arguments, **named)
            self.prepared_at = -1

        async def _get_statement(self, *arguments: Any, **named: Any) -> Any:
            self.prepared_at = self._protocol.queries_count  # also if it is cut off
            base: Any = super()
            statement: Any = await base._get_statement(*arguments, **named)
            self.prepared_at = self._protocol.queries_count  # to learn of a new type it may have run something
            return statement

    return Connection


def is_unsynced(session: Any) -> bool:
    """Was nothing run since something was prepared? Not known of a connection that was opened elsewhere."""
    return bool(getattr(session, "prepared_at", None) == session._protocol.queries_count)
