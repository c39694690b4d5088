"""What follows when somebody sweeps up every task there is, and the pool's own with them.

`asyncio.run` does so at its end, and then the pool is to begin nothing more. Others do so in a loop that goes on, as
some test kits and shells do: then the pool comes back by itself. A moment later one sees which it was: a loop that is
about to end has none but tasks that were cancelled.
"""

import asyncio
import math
import weakref
from collections.abc import Callable

GRACE = 1.0
"""Seconds after which a pool that was swept looks whether its loop goes on."""


class Sweeps:
    """Has the pool resume its work when it was swept and its loop goes on."""

    __slots__ = ("_look_at", "_resume")

    def __init__(self, resume: Callable[[], None]) -> None:
        """`resume` is a bound method of the pool, which nobody keeps alive by this."""
        self._resume = weakref.WeakMethod(resume)
        self._look_at = math.inf

    def was_swept(self, now: float) -> float:
        """A task of the pool was cancelled by somebody else. Return when to look what came of it."""
        self._look_at = now + GRACE
        return self._look_at

    def look(self, now: float) -> float:
        """Have the pool resume, if it is time and the loop goes on. Return when to look again."""
        if now >= self._look_at:
            goes_on = any(not task.cancelling() for task in asyncio.all_tasks())
            self._look_at = math.inf if goes_on else now + GRACE
            resume = self._resume()
            if goes_on and resume is not None:
                resume()
        return self._look_at
