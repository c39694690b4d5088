"""One thread that waits for times: the deadline of a call, the end of a pause.

It starts when there is a timer and goes when there has been none for a while. What it calls must be quick. The lock is
re-entrant, so that a signal handler or a finaliser that strikes in the middle may set a timer of its own.

Where no thread can be had, whoever waits for the pool, or keeps it, calls what is due meanwhile (`rescue`).
"""

import math
import threading
from collections.abc import Callable

from pingpool.agenda import Agenda
from pingpool.pool.log import log
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate
from pingpool.threads.late import Late
from pingpool.threads.locks import new_lock
from pingpool.threads.own import OwnThread, OwnThreads

LINGER = 5.0
"""Seconds without a timer after which the thread goes."""


class Timer:
    """Something to be called at a time, once; None if it was called, or is cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call


def is_set(_: float, timer: Timer) -> bool:
    """Is it still to be called?"""
    return timer.call is not None


class Timers:
    """Calls what is due, in a thread of its own."""

    _lock = Late(new_lock)
    _gate = Late(lambda: shut_gate())

    def __init__(self, name: str, clock: Clock, own_threads: OwnThreads) -> None:
        """Start with no timer, and no thread."""
        self._name = name
        self._clock = clock
        self._own_threads = own_threads
        self._agenda: Agenda[Timer] = Agenda(is_set)
        self._thread: threading.Thread | None = None
        self._lingers = True

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call at that time, or soon if it has passed."""
        timer = Timer(call)
        if when == math.inf:
            return timer
        with self._lock:
            self._agenda.enter(when, timer)
            first = self._agenda.first()
            if not self._has_thread():
                self._start()
            elif first is not None and first[2] is timer:
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
            timers = list(self._agenda)
        for timer in timers:
            if timer.call == call:
                self.cancel(timer)

    def soon(self, call: Callable[[], object]) -> None:
        """Call as soon as the thread gets to it."""
        self.at(-math.inf, call)

    @property
    def are_stranded(self) -> bool:
        """Is something to be called, and no thread to do it?"""
        return len(self._agenda) > 0 and not self._has_thread()

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
                first = self._agenda.first()
                if first is None:
                    return math.inf
                when, _, timer = first
                if when > self._clock.now():
                    return when
                call, timer.call = timer.call, None
            if call is not None:
                call()

    def _may_go(self) -> bool:
        """Let the thread go if there is nothing left to wait for."""
        with self._lock:
            if self._agenda.first() is not None:
                return False
            self._thread = None
            return True
