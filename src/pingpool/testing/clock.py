"""A clock that is set by hand: a test passes minutes in no time.

clock = Clock()
pool = equip(PingingPool(ping_interval=60), clock=clock)
clock.advance(61)
"""

import math
import threading

from pingpool.threads.clock import Gate
from pingpool.threads.gates import open_gate
from pingpool.threads.own import OwnThread


class Stuck(Exception):
    """Somebody waits for a time that nobody tells, so the test would hang for ever."""


class Clock:
    """Starts at `now` seconds and stands still until it is advanced. Safe to share among threads.

    A caller that waits while nobody advances the clock gets `Stuck` after `patience` real seconds; the pool's own
    threads wait for ever.
    """

    def __init__(self, now: float = 1000.0, *, patience: float = 20.0) -> None:
        self._now = now
        self._patience = patience
        self._lock = threading.Lock()
        self._sleepers: list[_Sleeper] = []

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and wake everybody who waited for that."""
        if not seconds >= 0 or seconds == math.inf:
            raise ValueError(f"time goes forward, by a finite step; got {seconds!r}")
        with self._lock:
            self._now += seconds
            due = [sleeper for sleeper in self._sleepers if sleeper.until <= self._now]
            for sleeper in due:
                sleeper.is_due = True
                self._sleepers.remove(sleeper)
        for sleeper in due:
            open_gate(sleeper.gate)

    def wait(self, gate: Gate, until: float) -> bool:
        """Wait until the gate opens or it is that time; return whether it opened."""
        with self._lock:
            sleeper = _Sleeper(until, gate)
            if until <= self._now:
                return gate.acquire(blocking=False)
            self._sleepers.append(sleeper)
        try:
            self._pass(gate, sleeper)
        finally:
            with self._lock:
                if sleeper in self._sleepers:
                    self._sleepers.remove(sleeper)
        return not sleeper.is_due

    def _pass(self, gate: Gate, sleeper: "_Sleeper") -> None:
        if isinstance(threading.current_thread(), OwnThread):
            gate.acquire()
        elif not gate.acquire(timeout=self._patience):
            waiting = sorted({each.until for each in self._sleepers})
            raise Stuck(
                f"it is {self._now:g} by this clock; somebody waits until {sleeper.until:g}, or for the pool, and in "
                f"{self._patience:g} s of real time nobody advanced the clock. Advance it from another thread. All who "
                f"wait do so until {', '.join(f'{until:g}' for until in waiting)}"
            )


class _Sleeper:
    """Somebody who waits at a gate until a time."""

    def __init__(self, until: float, gate: Gate) -> None:
        self.until = until
        self.gate = gate
        self.is_due = False
