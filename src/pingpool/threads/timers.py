"""One thread that waits for times: the deadline of a call, the end of a pause.

It starts when there is a timer and goes when there has been none for a while. What it calls must be quick. The lock is
re-entrant and every change under it is a single step, so that a signal handler or a finaliser that strikes in the
middle may set a timer of its own.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

from pingpool.pool.log import log
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate

LINGER = 5.0
"""Seconds without a timer after which the thread goes."""


class Timer:
    """Something to be called at a time, unless it is cancelled before."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Call nothing."""
        self.call = None


class Timers:
    """Calls what is due, in a thread of its own."""

    def __init__(self, name: str, clock: Clock) -> None:
        """Start with no timer, and no thread."""
        self._name = name
        self._clock = clock
        self._lock = threading.RLock()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._gate = shut_gate()
        self._thread: threading.Thread | None = None

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call at that time, or soon if it has passed."""
        timer = Timer(call)
        with self._lock:
            heapq.heappush(self._timers, (when, next(self._order), timer))
            self._forget_cancelled()
            if self._thread is None:
                self._start()
            elif self._timers[0][2] is timer:
                open_gate(self._gate)
        return timer

    def soon(self, call: Callable[[], object]) -> None:
        """Call as soon as the thread gets to it."""
        self.at(float("-inf"), call)

    def _start(self) -> None:
        self._thread = thread = threading.Thread(target=self._run, name=f"{self._name}-timers", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # too many threads, or the interpreter is ending: the next timer tries again
            self._thread = None
        except BaseException:
            if thread.ident is None:
                self._thread = None
            raise

    def _forget_cancelled(self) -> None:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)

    def _run(self) -> None:
        while True:
            pause = self._call_due()
            if not self._clock.wait(self._gate, min(pause, LINGER)) and self._may_go():
                return

    def _call_due(self) -> float:
        """Call what is due and return the seconds until something else is."""
        while True:
            with self._lock:
                self._forget_cancelled()
                if not self._timers:
                    return LINGER
                pause = self._timers[0][0] - self._clock.now()
                if pause > 0:
                    return pause
                call = heapq.heappop(self._timers)[2].call
            try:
                if call is not None:
                    call()
            except Exception:
                log().exception("%s: a timed call failed", self._name)

    def _may_go(self) -> bool:
        """Let the thread go if there is nothing left to wait for."""
        with self._lock:
            if self._timers:
                return False
            self._thread = None
            return True
