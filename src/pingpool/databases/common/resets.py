"""How thoroughly a session is cleared before its next holder gets it: `reset=`, in the same words for every database.

- "rollback", the default: what was left open is rolled back, by a round trip only where something is open.
- "full": all that a holder can have set on the server is put back too, as far as the database has a word for that.
  A table in the page of each database, such as docs/postgres.md, says what stays.
- a function of the session, called after the rollback; in asyncio it may be a coroutine function.

The last two are done each time that a session comes back, and when it is new.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

from pingpool.databases.common.given import call, call_async

Reset: TypeAlias = Literal["rollback", "full"] | Callable[[Any], object]
"""How sessions are cleared."""

AsyncReset: TypeAlias = Reset | Callable[[Any], Awaitable[object]]
"""The same where one may wait."""


class Resets:
    """What was asked for, checked."""

    def __init__(self, reset: AsyncReset) -> None:
        """Raises `ValueError` for a word that is none of the two, `TypeError` for what is no word and no function."""
        if isinstance(reset, str) and reset not in ("rollback", "full"):
            raise ValueError(f'reset={reset!r}: say "rollback", "full", or give a function of the session')
        if not isinstance(reset, str) and not callable(reset):
            raise TypeError(f'reset={reset!r}: say "rollback", "full", or give a function of the session')
        self.wanted = reset
        self.is_full = reset == "full"
        self.at_rest: bool | None = False if reset == "rollback" else None
        """What `needs_reset` answers if nothing is open: what a full reset, or a function, clears cannot be told."""

    def call(self, session: Any) -> None:
        """Call the user's function, if there is one."""
        if callable(self.wanted):
            call("reset", self.wanted, session)

    async def call_async(self, session: Any) -> None:
        """Call the user's function, if there is one, and wait for it if need be."""
        if callable(self.wanted):
            await call_async("reset", self.wanted, session)
