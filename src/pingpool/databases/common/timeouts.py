"""Time-outs as drivers and sockets take them."""

import math


def finite(timeout: float) -> float | None:
    """Return a time-out in seconds; None, which drivers take for no limit, if it has no end."""
    return None if timeout == math.inf else timeout
