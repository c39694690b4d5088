"""One thread that waits for moments: the deadline of a job, the end of a pause.

It starts when there is a moment to wait for and goes when there has been none for a while. What it calls must be quick.
The lock is re-entrant and every change under it is a single step, so that a signal handler or a finaliser that strikes
in the middle may set a moment of its own.
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate

LINGER = 5.0
"""Seconds without a moment to wait for after which the thread goes."""

log = logging.getLogger("pingpool")


class Moment:
    """Something to be called at a time, unless it is cancelled before."""

    __slots__ = ("_order", "call", "when")

    def __init__(self, when: float, order: int, call: Callable[[], object]) -> None:
        """Call at `when`; moments of the same time are called in their order."""
        self.when = when
        self._order = order
        self.call: Callable[[], object] | None = call

    def __lt__(self, other: "Moment") -> bool:
        """Sort by time."""
        return (self.when, self._order) < (other.when, other._order)

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
        self._moments: list[Moment] = []
        self._orders = itertools.count()
        self._gate = shut_gate()
        self._thread: threading.Thread | None = None

    def at(self, when: float, call: Callable[[], object]) -> Moment:
        """Call at that time, or soon if it has passed."""
        moment = Moment(when, next(self._orders), call)
        with self._lock:
            heapq.heappush(self._moments, moment)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=f"{self._name}-watch", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending: nothing is awaited any more
                    self._thread = None
            elif self._moments[0] is moment:
                open_gate(self._gate)
        return moment

    def _run(self) -> None:
        while True:
            pause = self._call_due()
            if not self._clock.wait(self._gate, min(pause, LINGER)) and self._may_go():
                return

    def _call_due(self) -> float:
        """Call what is due and return the seconds until something else is."""
        while True:
            with self._lock:
                while self._moments and self._moments[0].call is None:
                    heapq.heappop(self._moments)
                if not self._moments:
                    return LINGER
                pause = self._moments[0].when - self._clock.now()
                if pause > 0:
                    return pause
                call = heapq.heappop(self._moments).call
            try:
                if call is not None:
                    call()
            except Exception:
                log.exception("%s: a timed call failed", self._name)

    def _may_go(self) -> bool:
        """Let the thread go if there is nothing left to wait for."""
        with self._lock:
            if self._moments:
                return False
            self._thread = None
            return True
