"""One thread that waits for moments: the deadline of a job, the end of a pause.

It starts when there is a moment to wait for and goes when there has been none for a while. What it calls must be quick.
The lock is re-entrant and every change under it is a single step, so that a signal handler or a finaliser that strikes
in the middle may set a moment of its own.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

from pingpool.ground import journal
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate

LINGER = 5.0
"""Seconds without a moment to wait for after which the thread goes."""


class Moment:
    """Something to be called at a time, unless it is cancelled before."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        """Start in force."""
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Call nothing."""
        self.call = None


class Watch:
    """Calls what is due, in a thread of its own."""

    def __init__(self, name: str, clock: Clock) -> None:
        """Start with nothing to wait for, and no thread."""
        self._name = name
        self._clock = clock
        self._lock = threading.RLock()
        self._moments: list[tuple[float, int, Moment]] = []
        self._orders = itertools.count()
        self._gate = shut_gate()
        self._thread: threading.Thread | None = None

    def at(self, when: float, call: Callable[[], object]) -> Moment:
        """Call at that time, or soon if it has passed."""
        moment = Moment(call)
        with self._lock:
            heapq.heappush(self._moments, (when, next(self._orders), moment))
            self._forget_cancelled()
            if self._thread is None:
                self._start()
            elif self._moments[0][2] is moment:
                open_gate(self._gate)
        return moment

    def _start(self) -> None:
        self._thread = thread = threading.Thread(target=self._run, name=f"{self._name}-watch", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # too many threads, or the interpreter is ending: the next moment tries again
            self._thread = None
        except BaseException:
            if thread.ident is None:
                self._thread = None
            raise

    def _forget_cancelled(self) -> None:
        while self._moments and self._moments[0][2].call is None:
            heapq.heappop(self._moments)

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
                if not self._moments:
                    return LINGER
                pause = self._moments[0][0] - self._clock.now()
                if pause > 0:
                    return pause
                call = heapq.heappop(self._moments)[2].call
            try:
                if call is not None:
                    call()
            except Exception:
                journal.exception("%s: a timed call failed", self._name)

    def _may_go(self) -> bool:
        """Let the thread go if there is nothing left to wait for."""
        with self._lock:
            if self._moments:
                return False
            self._thread = None
            return True
