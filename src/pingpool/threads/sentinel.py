"""Where the sentinel of all pools for threads stands: one thread for the process, while any pool has use for it.

Where no thread can be had, nothing is heard until one can: each new session asks for it again. Until then the pools go
by what they see at checkouts and pings.
"""

import os
import select
import threading
from collections.abc import Callable
from typing import Any

from pingpool.pool.forks import in_every_child
from pingpool.pool.sentinel import Listener, Sentinel
from pingpool.threads.late import Late
from pingpool.threads.locks import new_lock
from pingpool.threads.own import OwnThread


class WaitingSentinel(Sentinel):
    """One that a thread waits in, until it is dismissed."""

    _bell = -1

    def __init__(self) -> None:
        super().__init__()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._is_dismissed = False

    def step(self) -> bool:
        """Wait until something is to be heard, and tell it; return whether that was all."""
        if not self._is_dismissed:
            self.hear(None)
        if self._is_dismissed:
            self.close()
        return self._is_dismissed

    def dismiss(self) -> None:
        """Have the thread come out of its wait, and go."""
        self._is_dismissed = True
        os.eventfd_write(self._bell, 1)

    def __del__(self) -> None:
        """Close the bell, now that nobody can ring it any more."""
        if self._bell >= 0:
            os.close(self._bell)


class ProcessSentinel:
    """The place of the one sentinel of the process."""

    _lock = Late(new_lock)

    def __init__(self) -> None:
        self._sentinel: WaitingSentinel | None = None
        self._thread: threading.Thread | None = None

    def enlist(self, desk: Listener) -> Sentinel | None:
        """Return the sentinel, at work for this desk too; None if there can be none."""
        with self._lock:
            sentinel = self._sentinel
            if sentinel is None:
                sentinel = self._sentinel = WaitingSentinel.if_possible()
                in_every_child(self, ProcessSentinel._start_anew)
            if sentinel is not None:
                sentinel.enlist(desk)
                if self._thread is None or not self._thread.is_alive():
                    self._start(sentinel.step)
            return sentinel

    def discharge(self, desk: Listener) -> threading.Thread | None:
        """Let the sentinel work for this desk no longer; return the thread that goes, if that was the last one."""
        with self._lock:
            sentinel, thread = self._sentinel, self._thread
            if sentinel is None or not sentinel.discharge(desk):
                return None
            self._sentinel = self._thread = None
            if thread is None or not thread.is_alive():
                sentinel.close()
                return None
            sentinel.dismiss()
            return thread

    def _start(self, step: Callable[[], bool]) -> None:
        try:
            self._thread = OwnThread("pingpool-sentinel", step)
            self._thread.start()
        except RuntimeError:  # no thread can be had: the next session asks again
            self._thread = None

    def _start_anew(self) -> list[Any]:
        """Forget, in a forked child, what works for the parent."""
        old = [self._sentinel, self._thread]
        self._sentinel = self._thread = None
        vars(self).pop("_lock", None)  # another thread of the parent may have held it
        return old


SENTINEL = ProcessSentinel()
