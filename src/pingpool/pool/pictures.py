"""Pictures of a pool for the errors of those who got no session.

Where many are turned away, as in an outage, a large pool must not spend its time on taking pictures: one that took long
to take does for all who come within ten times that long, or a second. One of a small pool is always new.
"""

from collections.abc import Callable

from pingpool.pool.diagnosis import Picture

LONG = 0.0002
"""Seconds; what is taken in less is taken anew each time."""

KEPT = 10
"""A picture serves others, too, for this many times as long as it took: to take them is a tenth of the work at most."""

LONGEST = 1.0
"""Seconds for which a picture serves at most: the process may have stood still for hours while it was taken."""


class Pictures:
    """The last picture of a pool, and how long it may be shown. Anybody may take one at any time."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is the time, in seconds."""
        self._now = now
        self._last: tuple[float, Picture] | None = None

    def latest(self, take: Callable[[], Picture]) -> Picture:
        """Return the last one if it will do, or else take one."""
        last, began_at = self._last, self._now()
        if last is not None and began_at < last[0]:
            return last[1]
        picture = take()
        picture.develop()
        ended_at = self._now()
        took = ended_at - began_at
        self._last = (ended_at + min(KEPT * took, LONGEST), picture) if took >= LONG else None
        return picture
