"""One thread keeps all pools of a process alive: it has proven what is due in each, and sleeps until the next is due.

It begins with the first pool that is kept, and goes with the last. Nothing of a user runs in it, and no look waits for
a database, so no pool keeps another one waiting. A look that something was thrown into is taken again.
"""

import heapq
import itertools
import math
import threading
import weakref
from collections.abc import Callable
from typing import Any

from pingpool.pool.forks import in_every_child
from pingpool.pool.keeper import Keeper
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate
from pingpool.threads.late import Late
from pingpool.threads.own import begin

GLANCE = 0.001
"""Seconds for which somebody waits for the end of the thread before he sees whether it goes on for other pools."""


class Bell:
    """Wakes the keeper of one pool. `appointment` is its next look, if it has one."""

    def __init__(self, keepers: "Keepers", look: Callable[[], float | None]) -> None:
        self.appointment: Appointment | None = None
        self.keeper = Keeper(look, self)
        self._ring = keepers.look_soon  # bound: also when the interpreter has taken this module apart

    def ring(self) -> None:
        """Let it look now."""
        if self.appointment is not None:
            self._ring(self)


Appointment = tuple[float, int, Bell]
"""When to look, which of those that were made comes first, and whose it is."""


class Keepers:
    """The keepers of all pools that live by one clock, and their thread."""

    _lock = Late(lambda: threading.RLock())
    _gate = Late(lambda: shut_gate())

    def __init__(self, clock: Clock) -> None:
        """Start with no pool, and no thread."""
        self._set_up(clock)
        in_every_child(self, Keepers._after_fork)

    def _set_up(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._appointments: list[Appointment] = []
        self._thread: threading.Thread | None = None

    def begin(self, look: Callable[[], float | None]) -> Keeper:
        """Let a pool be looked at from now on; `look` is as a `Keeper` takes it.

        Raises:
            RuntimeError: no thread can be had.
        """
        bell = Bell(self, look)
        with self._lock:
            if not self.are_at_work:
                self._thread = begin("pingpool-keeper", self._step)
            self._look_at(-math.inf, bell)
        return bell.keeper

    @property
    def are_at_work(self) -> bool:
        """Is there a thread that looks?"""
        return self._thread is not None and self._thread.is_alive()

    def look_soon(self, bell: Bell) -> None:
        """Look as soon as the thread gets to it."""
        self._look_at(-math.inf, bell)

    def see_off(self, keeper: Keeper, until: float) -> None:
        """Wait until a keeper that was stopped is through; and for the thread's end, if it was the last."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        while thread.is_alive() and not self._goes_on_without(keeper) and self._clock.now() < until:
            thread.join(GLANCE)

    def _goes_on_without(self, keeper: Keeper) -> bool:
        """Is this one through, and the thread at work for others?"""
        at_work = [bell.keeper for _, _, bell in self._appointments.copy() if bell.appointment is not None]
        return keeper not in at_work and any(not each.is_stopped for each in at_work)

    def _look_at(self, when: float, bell: Bell) -> None:
        with self._lock:
            appointment = (when, next(self._order), bell)
            heapq.heappush(self._appointments, appointment)
            bell.appointment = appointment
            if self._appointments[0] is appointment:
                open_gate(self._gate)

    def _step(self) -> bool:
        """Look at the pool whose turn it is, or wait until then; return whether the thread may go."""
        with self._lock:
            appointment = self._next()
            if appointment is None:
                self._thread = None
                return True
        when, _, bell = appointment
        if (left := when - self._clock.now()) > 0:
            self._clock.wait(self._gate, left)
            return False
        look_again_at = bell.keeper.look()
        with self._lock:
            if bell.appointment is appointment:
                bell.appointment = None
                if look_again_at is not None:
                    self._look_at(look_again_at, bell)
        return False

    def _next(self) -> Appointment | None:
        """Return the next appointment, past those that others have taken the place of."""
        appointments = self._appointments
        while appointments and appointments[0][2].appointment is not appointments[0]:
            heapq.heappop(appointments)
        return appointments[0] if appointments else None

    def _after_fork(self) -> list[Any]:
        old = self.__dict__.copy()
        self.__dict__.clear()  # also of locks that another thread held
        self._set_up(old["_clock"])
        return [old]


_by_clock: "weakref.WeakValueDictionary[Clock, Keepers]" = weakref.WeakValueDictionary()


def keepers_by(clock: Clock) -> Keepers:
    """Return the keepers that live by this clock; whoever uses them holds them."""
    return _by_clock.setdefault(clock, Keepers(clock))
