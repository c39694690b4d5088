"""How long the server is asked to cancel a statement, and how often: more than once.

A request to cancel goes by a connection of its own. If it overtakes its statement it finds the session idle, and is
lost, while the statement runs on with its locks. So it is repeated until the server has said something.
"""

from collections.abc import Iterator

LONGEST = 5.0
"""The most seconds that a server may take over it."""

FIRST_PAUSE = 0.001
"""The seconds after which the first request is repeated."""


def patience(timeout: float) -> float:
    """Return the seconds that requests to cancel may take of those that ending a session may."""
    return min(timeout / 2, LONGEST)


def pauses(timeout: float) -> Iterator[float]:
    """Yield growing pauses to make after each request, of so many seconds in all."""
    pause, left = FIRST_PAUSE, timeout
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause *= 2
