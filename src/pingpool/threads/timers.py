"""One thread that waits for times: the deadline of a call, the end of a pause.

It starts when there is a timer and goes when there has been none for a while. What it calls must be quick. The lock is
re-entrant and every change under it is a single step, so that a signal handler or a finaliser that strikes in the
middle may set a timer of its own.

Where no thread can be had, whoever waits for the pool, or keeps it, calls what is due meanwhile (`rescue`).
"""

import heapq
import itertools
import math
import threading
from collections.abc import Callable

from pingpool.pool.log import log
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate
from pingpool.threads.late import Late
from pingpool.threads.locks import new_lock
from pingpool.threads.own import OwnThread, OwnThreads

LINGER = 5.0
"""Seconds without a timer after which the thread goes."""

FEW = 64
"""Cancelled timers are swept out when there are more, and twice as many as were left by the last sweep."""


class Timer:
    """Something to be called at a time; None once it is cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call


class Timers:
    """Calls what is due, in a thread of its own."""

    _lock = Late(new_lock)
    _gate = Late(lambda: shut_gate())

    def __init__(self, name: str, clock: Clock, own_threads: OwnThreads) -> None:
        """Start with no timer, and no thread."""
        self._name = name
        self._clock = clock
        self._own_threads = own_threads
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._newest: Timer | None = None
        self._thread: threading.Thread | None = None
        self._lingers = True
        self._many = FEW

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call at that time, or soon if it has passed."""
        timer = Timer(call)
        if when == math.inf:
            return timer
        with self._lock:
            self._newest = timer
            heapq.heappush(self._timers, (when, next(self._order), timer))
            self._forget_cancelled()
            if not self._has_thread():
                self._start()
            elif self._timers[0][2] is timer:
                open_gate(self._gate)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Call nothing at that time."""
        timer.call = None
        if not self._lingers:
            open_gate(self._gate)

    def forget(self, call: Callable[[], object]) -> None:
        """Cancel each timer that would call this."""
        with self._lock:
            entries = self._timers.copy()
        for _, _, timer in entries:
            if timer.call == call:
                self.cancel(timer)

    def soon(self, call: Callable[[], object]) -> None:
        """Call as soon as the thread gets to it."""
        self.at(-math.inf, call)

    @property
    def are_stranded(self) -> bool:
        """Is something to be called, and no thread to do it?"""
        return bool(self._timers) and not self._has_thread()

    def rescue(self) -> None:
        """If there is no thread for what is due, start one, or else call it here and now."""
        if self.are_stranded:
            with self._lock:
                if self.are_stranded:
                    self._start()
            if self.are_stranded:
                try:
                    self._call_due()
                except Exception:  # a timed call is none of the caller's, who only lends his thread
                    log(self._name).exception("%s: a timed call failed", self._name)

    def dismiss(self) -> None:
        """Let the thread go as soon as there is no timer."""
        self._lingers = False
        open_gate(self._gate)

    def _has_thread(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        try:
            self._thread = OwnThread(f"{self._name}-timers", self._step)
            self._own_threads.begin(self._thread)
        except RuntimeError:  # no thread can be had: the next timer, or a rescue, tries again
            self._thread = None

    def _forget_cancelled(self) -> None:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if len(self._timers) > self._many:
            newest = self._newest
            kept = [entry for entry in self._timers if entry[2].call is not None]
            heapq.heapify(kept)
            if self._newest is newest:  # or else somebody who struck in the middle has set one that is not among them
                self._timers = kept
                self._many = max(FEW, 2 * len(kept))

    def _step(self) -> bool:
        """Call what is due, and wait for what comes next; return whether the thread may go."""
        until = min(self._call_due(), self._clock.now() + LINGER)
        if not self._lingers and self._may_go():
            return True
        return not self._clock.wait(self._gate, until) and self._may_go()

    def _call_due(self) -> float:
        """Call what is due and return when something else is; infinity if nothing will be."""
        while True:
            with self._lock:
                self._forget_cancelled()
                when = self._timers[0][0] if self._timers else math.inf
                if when > self._clock.now():
                    return when
                call = heapq.heappop(self._timers)[2].call
            if call is not None:
                call()

    def _may_go(self) -> bool:
        """Let the thread go if there is nothing left to wait for."""
        with self._lock:
            if self._timers:
                return False
            self._thread = None
            return True
