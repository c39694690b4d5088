"""The pool's own threads: daemons that outlive whatever is thrown into them."""

import threading
import time
from collections.abc import Callable

from pingpool.pool.log import log

BREATH = 0.1
"""Seconds that a thread rests after an exception, lest one that comes again and again keeps a processor busy."""


PATIENCE = 1.0
"""Seconds that whoever starts a thread waits for its first line."""


class OwnThread(threading.Thread):
    """A thread that works for a pool, not for its callers.

    Until a new thread runs its first line, CPython knows it by the number of its maker. So an exception that is thrown
    into the maker may end it before that line, and `Thread.start` would wait for it for ever.
    """

    def start(self) -> None:
        """Start it; one that never comes to its first line is not alive."""
        self._started = _Started()
        super().start()


class _Started(threading.Event):
    """Tells that a thread has begun; nobody waits longer for that than makes sense."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, for a second at most."""
        return super().wait(PATIENCE if timeout is None else timeout)


def begin(name: str, step: Callable[[], bool]) -> threading.Thread:
    """Start a thread that takes one step after another, until a step returns True.

    Raises:
        RuntimeError: no thread can be had, because there are too many, or the process is ending.
    """
    thread = OwnThread(target=_take_steps, args=(name, step), name=name, daemon=True)
    thread.start()
    return thread


def _take_steps(name: str, step: Callable[[], bool]) -> None:
    is_over = False
    while not is_over:
        try:
            is_over = _take_step(name, step)
        except BaseException:  # a second one, or a log that is broken
            continue


def _take_step(name: str, step: Callable[[], bool]) -> bool:
    try:
        return step()
    except BaseException:  # also one that was thrown into this thread from outside
        log().exception("%s: this thread was interrupted, and goes on", name)
        time.sleep(BREATH)
        return False
