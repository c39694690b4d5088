"""The keeper of a pool: what its world calls when it is time to have proven what is due.

It waits for no ping. If it did, one that hangs would keep it from all others, whose sessions would grow too old
meanwhile and hang in turn.
"""

import weakref
from collections.abc import Callable
from typing import Any, Protocol


class Alarm(Protocol):
    """What wakes the keeper."""

    def ring(self) -> None:
        """Wake it now."""
        ...


class Keeper:
    """Keeps the idle sessions of one pool alive for as long as somebody holds the pool."""

    def __init__(self, look: Callable[[], float | None], alarm: Alarm) -> None:
        """`look` is a bound method of the pool; it returns when to look again, or None for never."""
        self._look: Callable[[], Any] = weakref.WeakMethod(look, lambda _: alarm.ring())
        self.alarm = alarm
        self.is_stopped = False

    def wake(self) -> None:
        """Look now: something happened that may have made sessions due."""
        self.alarm.ring()

    def stop(self) -> None:
        """End, without another look."""
        self.is_stopped = True
        self.alarm.ring()

    def look(self) -> float | None:
        """Have proven what is due, and return when to look again; None once it is over."""
        look = None if self.is_stopped else self._look()
        return None if look is None else look()
