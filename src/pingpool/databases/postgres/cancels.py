"""How long the server is asked to cancel a statement, and how often: more than once.

A request to cancel goes by a connection of its own. If it overtakes its statement it finds the session idle, and is
lost, while the statement runs on with its locks. So it is repeated until the server has said something.

A server that waits for the rows of a COPY heeds no cancel, but goes when it reads the end of the stream; a statement
under way can still answer. Not at once, though: a pooler in between takes the end of the stream for a goodbye.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from pingpool.databases.common.sockets import stop_writing

LONGEST = 5.0
"""The most seconds that a server may take over it."""

FIRST_PAUSE = 0.001
"""The seconds after which the first request is repeated."""

DEAF = 0.1
"""The seconds of silence after which the server is shown the end of the stream."""

WHILE_ONE_HANGS = 1.0
"""The most seconds for it where a thread hangs on the session, and is freed only after it."""


def time_to_cancel(timeout: float) -> float:
    """Return the seconds that requests to cancel may take of those that ending a session may."""
    return min(timeout / 2, LONGEST)


def pauses(fileno: Callable[[], int], timeout: float) -> Iterator[float]:
    """Yield growing pauses to make after each request, of so many seconds in all; the stream is ended on the way."""
    pause, made = FIRST_PAUSE, 0.0
    while made < timeout:
        if made >= DEAF:
            stop_writing(fileno())
        yield min(pause, timeout - made)
        made += pause
        pause *= 2


def try_for(timeout: float, request: Callable[[], object]) -> None:
    """Make a request to cancel, and go on after so many seconds: an older libpq may wait for its answer for ever."""

    def make() -> None:
        with suppress(Exception):
            request()

    thread = threading.Thread(target=make, name="pingpool-cancel", daemon=True)
    with suppress(RuntimeError):  # no thread can be had
        thread.start()
        thread.join(timeout)
