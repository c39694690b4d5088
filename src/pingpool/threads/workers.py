"""The workers: daemon threads that do the pool's calls to its database.

They start on demand, up to so many, and go after a while without work. One that hangs in a call keeps its place until
the call ends; the others go on. Being daemons, they never hold up the end of the process.

The deadline of a call begins when a worker begins it. A call still in the queue is given up when no worker has begun
anything for as long: then all of them hang, and whoever waits for the call would wait for ever.
"""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from pingpool.pool.log import log
from pingpool.pool.world import Call
from pingpool.threads.blocking import at_once
from pingpool.threads.desk import ThreadDesk
from pingpool.threads.timers import Timer

LINGER = 5.0
"""Seconds without work after which a worker goes."""


class Workers:
    """Do the calls they are given, side by side."""

    def __init__(
        self, desk: ThreadDesk[Any], *, most: int, io_timeout: float, abort: Callable[[Any], None] | None
    ) -> None:
        """`abort` frees a worker that hangs on a session, if the database can do that."""
        self._name = desk.name
        self._now = desk.now
        self._timers = desk.timers
        self._most = most
        self._io_timeout = io_timeout
        self._abort = abort
        self._began_at = desk.now()
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._deadlines: dict[Call, Timer] = {}
        self._threads: set[threading.Thread] = set()

    def take(self, call: Call) -> None:
        """Have this done soon."""
        self._look_at(self._now() + self._io_timeout, call)
        self._queue.put(call)
        with self._lock:
            if len(self._threads) < min(len(self._deadlines), self._most):
                self._hire()

    def began(self, call: Call) -> None:
        """Count the time that the call takes from now on."""
        self._began_at = call.began_at = self._now()

    def heed(self, error: BaseException) -> None:
        """Go on: an error of the database, whatever it is, ends no worker."""

    # Threads.

    def _hire(self) -> None:
        """Start one more worker."""
        thread = threading.Thread(target=self._run, name=f"{self._name}-worker-{len(self._threads) + 1}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # too many threads, or the interpreter is ending: the next call tries again
            self._threads.discard(thread)
        except BaseException:
            if thread.ident is None:
                self._threads.discard(thread)
            raise

    def _run(self) -> None:
        while True:
            try:
                call = self._queue.get(timeout=LINGER)
            except queue.Empty:
                if self._may_go():
                    return
                continue
            try:
                at_once(call.run())
            except BaseException:
                log().exception("%s: a worker could not %s", self._name, call.name)
            finally:
                call.jobs = []
                self._forget(call)
                del call  # it may hold a session, which its next holder may drop

    def _may_go(self) -> bool:
        """Let this worker go if no call slipped in meanwhile."""
        with self._lock:
            if self._queue.qsize():
                return False
            self._threads.discard(threading.current_thread())
            return True

    # Deadlines.

    def _look_at(self, when: float, call: Call) -> None:
        """Look after the call when it may have taken too long."""
        self._deadlines[call] = self._timers.at(when, partial(self._look_after, call))

    def _forget(self, call: Call) -> None:
        timer = self._deadlines.pop(call, None)
        if timer is not None:
            timer.cancel()

    def _look_after(self, call: Call) -> None:
        """Give the call up if it has taken too long, or cannot begin since all workers hang."""
        if not call.jobs:
            self._forget(call)
            return
        since = self._began_at if call.began_at is None else call.began_at
        if self._now() < since + self._io_timeout:
            self._look_at(since + self._io_timeout, call)
            return
        for job in call.overran():
            if self._abort is not None and job.started and job.session is not None:
                threading.Thread(target=self._free, args=(job.session,), daemon=True).start()

    def _free(self, session: object) -> None:
        """Try to free the worker that hangs, from a thread of its own: if that hangs too, it costs no worker."""
        assert self._abort is not None
        try:
            self._abort(session)
        except BaseException:
            log().exception("%s: a hanging call could not be aborted", self._name)
