"""Time-outs as drivers and sockets take them."""

import math

LONGEST_WAIT = 86_400.0
"""The most seconds that the system is asked to wait in one go; it cannot count to infinity."""

SHARE_OF_TIME = 0.9
"""How much of its time a call may wait in a driver: what that says then is more than that the pool's time is up."""


def finite(timeout: float) -> float | None:
    """Return a time-out in seconds; None, which drivers take for no limit, if it has no end."""
    return None if timeout == math.inf else timeout


def whole(timeout: float, own: float, *, least: int) -> int:
    """Return a time-out for a driver that counts whole seconds: its user's `own`, if there is one and it is shorter."""
    return max(least, int(min(timeout, own if own > 0 else LONGEST_WAIT, LONGEST_WAIT)))
