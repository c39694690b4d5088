"""The workers: threads that do the pool's calls to its database.

They start on demand, up to so many, and go after a while without work. One that hangs in a call, and cannot be freed,
is replaced by a substitute, so that the others' work goes on; there are at most as many substitutes as workers.

The deadline of a call begins when a worker begins it. A call still in the queue is given up when no worker has begun
anything for as long: then all of them hang, and whoever waits for the call would wait for ever.

Where no thread at all can be had, a call fails with that error, as if the database had raised it. Only the end of a
session can wait: it is tried again.
"""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from pingpool.pool.at_once import at_once
from pingpool.pool.log import log
from pingpool.pool.world import PATROL, Call
from pingpool.references import HAS_GIL
from pingpool.threads.desk import ThreadDesk
from pingpool.threads.late import Late
from pingpool.threads.locks import new_lock
from pingpool.threads.own import OwnThread

LINGER = 5.0 if HAS_GIL else PATROL
"""Seconds without work after which a worker goes.

Without the GIL an object whose last holder is another thread is freed only when the thread that made it runs again, or
ends. So that a dropped session is noticed, its maker does not linger there.
"""

AGAIN = 0.25
"""Seconds after which a thread that could not be had is asked for again."""


class Workers:
    """Do the calls they are given, side by side."""

    _lock = Late(new_lock)
    _queue = Late[queue.SimpleQueue[Call | None]](lambda: queue.SimpleQueue())

    def __init__(
        self, desk: ThreadDesk[Any], *, most: int, io_timeout: float, abort: Callable[[Any], None] | None
    ) -> None:
        """`abort` frees a worker that hangs on a session, if the database can do that."""
        self._name = desk.name
        self._now = desk.now
        self._timers = desk.timers
        self._own_threads = desk.own_threads
        self._most = most
        self._io_timeout = io_timeout
        self._abort = abort
        self._began_at = desk.now()
        self._threads: set[threading.Thread] = set()
        self._busy: dict[Call, threading.Thread] = {}
        self._hung: set[Call] = set()
        self._lingers = True

    def take(self, call: Call) -> None:
        """Have this done soon."""
        self._queue.put(call)
        self._look_at(self._now() + self._io_timeout, call)
        self._see_to_threads()

    def began(self, call: Call) -> None:
        """Count the time that the call takes from now on."""
        self._began_at = call.began_at = self._now()

    def heed(self, error: BaseException) -> None:
        """Go on: an error of the database, whatever it is, ends no worker."""

    def dismiss(self) -> None:
        """Let every worker go as soon as there is no work."""
        self._lingers = False
        for _ in range(len(self._threads)):
            self._queue.put(None)

    # Threads.

    def _see_to_threads(self) -> None:
        """Have a thread for each call, up to as many as may be; without any, the calls fail."""
        try:
            with self._lock:
                self._threads = {thread for thread in self._threads if thread.is_alive()}
                if len(self._threads) < min(self._queue.qsize() + len(self._busy), self._allowed()):
                    worker = OwnThread(f"{self._name}-worker", self._step)
                    self._threads.add(worker)
                    self._own_threads.begin(worker)
        except RuntimeError as error:
            if not any(thread.is_alive() for thread in self._threads):
                self._fail_all(error)

    def _allowed(self) -> int:
        return self._most + min(len(self._hung), self._most)

    def _step(self) -> bool:
        """Do one call; return whether this worker may go."""
        try:
            call = self._queue.get(timeout=LINGER if self._lingers else 0.0)
        except queue.Empty:
            return self._may_go()
        if call is not None:
            self._busy[call] = threading.current_thread()
            if self._queue.qsize():  # whoever put it there may have taken this worker for an idle one
                self._see_to_threads()
            try:
                at_once(call.run())
            finally:
                self._finish(call)
            del call  # it may hold a session, which its next holder may drop
        return self._is_surplus()

    def _finish(self, call: Call) -> None:
        call.jobs = []
        self._busy.pop(call, None)
        if call in self._hung:
            self._hung.discard(call)
            self._own_threads.know(threading.current_thread())
        if call.deadline is not None:
            self._timers.cancel(call.deadline)

    def _may_go(self) -> bool:
        """Let this worker go if no call slipped in meanwhile."""
        with self._lock:
            if self._queue.qsize():
                return False
            self._threads.discard(threading.current_thread())
            if self._threads and not self._lingers:
                self._queue.put(None)  # the next one may not have heard of it
            return True

    def _is_surplus(self) -> bool:
        """Let this worker go if it hung, and its substitute has taken its place."""
        with self._lock:
            if len(self._threads) <= self._allowed():
                return False
            self._threads.discard(threading.current_thread())
            return True

    def _fail_all(self, error: RuntimeError) -> None:
        """No thread can be had: let the calls fail that can, and try the others again after a while."""
        waiting: list[Call] = []
        for call in self._queued():
            if call.fail(error):
                self._finish(call)
            else:
                waiting.append(call)
        for call in waiting:
            self._queue.put(call)
        if waiting:
            self._timers.at(self._now() + AGAIN, self._see_to_threads)

    def _queued(self) -> list[Call]:
        """Take all calls out of the queue."""
        calls: list[Call] = []
        try:
            while True:
                call = self._queue.get_nowait()
                calls += [] if call is None else [call]
        except queue.Empty:
            return calls

    # Deadlines.

    def _look_at(self, when: float, call: Call) -> None:
        """Look after the call when it may have taken too long."""
        call.deadline = self._timers.at(when, partial(self._look_after, call))
        if not call.jobs:  # it was done in the meantime
            self._timers.cancel(call.deadline)

    def _look_after(self, call: Call) -> None:
        """Give the call up if it has taken too long, or cannot begin since all workers hang."""
        if not call.jobs:
            return
        since = self._began_at if call.began_at is None else call.began_at
        if self._now() < since + self._io_timeout:
            self._look_at(since + self._io_timeout, call)
            return
        if (thread := self._busy.get(call)) is not None:
            self._note_hung(call, thread)
        hangs_on = call.preparing
        for job in call.overran():
            session = hangs_on if job.session is None else job.session
            if self._abort is not None and job.started and session is not None:
                self._begin_to_free(session)
        self._see_to_threads()

    def _note_hung(self, call: Call, thread: threading.Thread) -> None:
        """Let a substitute take the place of the worker that does this call."""
        self._own_threads.give_up(thread)
        self._hung.add(call)
        if len(self._hung) == 2 * self._most:
            log(self._name).warning(
                "%s: all workers, and as many substitutes, hang in the database's driver (the last could not %s); "
                "nothing can be created or proven until one comes back",
                self._name,
                call.name,
            )

    def _begin_to_free(self, session: object) -> None:
        """Try to free the worker that hangs, from a thread of its own: if that hangs too, it costs no worker."""
        try:
            OwnThread(f"{self._name}-abort", partial(self._free, session)).start()
        except RuntimeError as error:
            log(self._name).warning("%s: a hanging call could not be aborted: %r", self._name, error)

    def _free(self, session: object) -> bool:
        assert self._abort is not None
        try:
            self._abort(session)
        except BaseException:
            log(self._name).exception("%s: a hanging call could not be aborted", self._name)
        return True
