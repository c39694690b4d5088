"""The pool's own threads: daemons that outlive whatever is thrown into them."""

import threading
import time
from collections.abc import Callable

from pingpool.pool.log import log
from pingpool.threads.clock import LONGEST

BREATH = 0.1
"""Seconds that a thread rests after an exception: one that comes again and again must not keep a processor busy."""


PATIENCE = 1.0
"""Seconds that whoever starts a thread waits for its first line."""


class OwnThread(threading.Thread):
    """A thread that works for a pool, not for its callers.

    Note a thread before you start it: an exception may come when it runs already and `start` has not returned, and a
    thread that nobody knows would be started a second time.

    Until a new thread runs its first line, CPython knows it by the number of its maker. So an exception that is thrown
    into the maker may end it before that line, and `Thread.start` would wait for it for ever.
    """

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        """Take one step after another, until a step returns True."""
        super().__init__(target=_take_steps, args=(name, step), name=name, daemon=True)
        self._started = _Started()

    @property
    def has_begun(self) -> bool:
        """Has it come to its first line?"""
        return self._started.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its first line and its end; one that never comes to the first line is not alive."""
        if self._started.wait(None if timeout is None else min(timeout, PATIENCE)):
            super().join(timeout)


class _Started(threading.Event):
    """Tells that a thread has begun; nobody waits longer for that than makes sense."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, for a second at most."""
        return super().wait(PATIENCE if timeout is None else timeout)


class OwnThreads:
    """The threads that work for one pool, each until it has ended, so that `close` can wait for them.

    A sub-interpreter may be ended only when no thread is left in it.
    """

    def __init__(self) -> None:
        self._threads: set[OwnThread] = set()

    def begin(self, thread: OwnThread) -> None:
        """Start a thread, and know it until it has ended.

        Raises:
            RuntimeError: no thread can be had, because there are too many, or the process is ending.
        """
        self._threads.add(thread)  # first: by the time that it is started its work may be done, and the pool closed
        try:
            thread.start()
        finally:
            self._forget_ended(thread)

    def _forget_ended(self, newest: OwnThread) -> None:
        """Forget who has ended, and the newest also if it could not be started."""
        for thread in self._threads.copy():
            if not thread.is_alive() and (thread is newest or thread.has_begun):
                self._threads.discard(thread)

    def give_up(self, thread: threading.Thread) -> None:
        """Wait for this thread no more: it hangs."""
        self._threads.difference_update({thread})

    def know(self, thread: threading.Thread) -> None:
        """Wait for this thread, too, when the pool is closed."""
        if isinstance(thread, OwnThread):  # not one for which gevent, which was patched in later, has a stand-in
            self._threads.add(thread)

    def see_off(self, until: float, now: Callable[[], float]) -> None:
        """Wait for the end of each thread but the caller's own, no longer than `until`."""
        own = threading.current_thread()
        while (others := [thread for thread in self._threads.copy() if thread is not own]) and until > now():
            others[0].join(min(until - now(), LONGEST))
            if others[0].is_alive():
                return
            self._threads.discard(others[0])


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
