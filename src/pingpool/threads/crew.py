"""The crew: daemon threads that do the pool's I/O, so that no caller ever waits for the network.

They start on demand, up to `workers`, and go after a while without work. A worker that hangs in a database call keeps
its place in the crew until the call ends; the others go on. Being daemons, they never hold up the end of the process.
"""

import queue
import threading
from collections.abc import Callable

from pingpool.ground import journal

LINGER = 5.0
"""Seconds without work after which a worker goes."""


class Crew:
    """Does what it is given, side by side."""

    def __init__(self, name: str, workers: int) -> None:
        """Start with no threads."""
        self._name = name
        self._workers = workers
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._unfinished: set[Callable[[], object]] = set()
        self._threads: set[threading.Thread] = set()

    def take(self, task: Callable[[], object]) -> None:
        """Have this done soon."""
        self._unfinished.add(task)
        self._queue.put(task)
        with self._lock:
            if len(self._threads) < min(len(self._unfinished), self._workers):
                self._hire()

    def _hire(self) -> None:
        """Start one more worker."""
        thread = threading.Thread(target=self._run, name=f"{self._name}-crew-{len(self._threads) + 1}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # too many threads, or the interpreter is ending: the next task tries again
            self._threads.discard(thread)
        except BaseException:
            if thread.ident is None:
                self._threads.discard(thread)
            raise

    def _run(self) -> None:
        while True:
            try:
                task = self._queue.get(timeout=LINGER)
            except queue.Empty:
                if self._may_go():
                    return
                continue
            try:
                task()
            except BaseException:
                journal.exception("%s: a task of the crew failed", self._name)
            finally:
                self._unfinished.discard(task)
                del task  # it may hold a session, which its next holder may drop

    def _may_go(self) -> bool:
        """Let this worker go if no task slipped in meanwhile."""
        with self._lock:
            if self._queue.qsize():
                return False
            self._threads.discard(threading.current_thread())
            return True
