"""The keeper: a loop around one method of its pool, which has proven what is due and says when to look again.

It waits for no ping. If it did, one that hangs would keep it from all others, whose sessions would grow too old
meanwhile and hang in turn.
"""

import weakref
from collections.abc import Callable
from typing import Any

from pingpool.pool.world import Alarm


class Keeper:
    """Keeps the idle sessions of one pool alive for as long as somebody holds the pool."""

    def __init__(self, look: Callable[[], float | None], alarm: Alarm) -> None:
        """`look` is a bound method of the pool; it returns when to look again, or None for never."""
        self._look: Callable[[], Any] = weakref.WeakMethod(look, lambda _: alarm.ring())
        self._alarm = alarm
        self._is_stopped = False

    def wake(self) -> None:
        """Look now: something happened that may have made sessions due."""
        self._alarm.ring()

    def stop(self) -> None:
        """End, without another look."""
        self._is_stopped = True
        self._alarm.ring()

    async def run(self) -> None:
        """Look, sleep, and look again."""
        while not self._is_stopped and (when := self._look_once()) is not None:
            await self._alarm.sleep_until(when)

    def _look_once(self) -> float | None:
        look = self._look()
        return None if look is None else look()
