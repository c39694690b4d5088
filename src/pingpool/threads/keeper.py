"""One thread keeps all pools of a process alive: it has proven what is due in each, and sleeps until the next is due.

It begins with the first pool that is kept, and goes with the last. Nothing of a user runs in it, except where no thread
can be had for the timers of a pool; and no look waits for a database: so no pool keeps another one waiting. A look that
something was thrown into is taken again.
"""

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
from pingpool.threads.locks import new_lock
from pingpool.threads.own import OwnThread

GLANCE = 0.001
"""Seconds for which somebody waits for the end of the thread before he sees whether it goes on for other pools."""


class Bell:
    """Wakes the keeper of one pool."""

    def __init__(self, keepers: "Keepers", look: Callable[[], float | None]) -> None:
        self.is_rung = False
        self.keeper = Keeper(look, self)
        self._hear = keepers.hear  # bound: also when the interpreter has taken this module apart

    def ring(self) -> None:
        """Let it look now."""
        self.is_rung = True
        self._hear(self)


class Keepers:
    """The keepers of all pools that live by one clock, and their thread."""

    _lock = Late(new_lock)
    _gate = Late(lambda: shut_gate())

    def __init__(self, clock: Clock) -> None:
        """Start with no pool, and no thread."""
        self._set_up(clock)
        in_every_child(self, Keepers._start_anew)

    def _set_up(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: dict[Bell, float] = {}
        self._thread: threading.Thread | None = None

    def begin(self, look: Callable[[], float | None]) -> Keeper:
        """Let a pool be looked at from now on; `look` is as a `Keeper` takes it.

        Raises:
            RuntimeError: no thread can be had.
        """
        bell = Bell(self, look)
        with self._lock:
            if not self.are_at_work:
                self._thread = OwnThread("pingpool-keeper", self._step)
                self._thread.start()
            self._looks[bell] = -math.inf
            open_gate(self._gate)
        return bell.keeper

    @property
    def are_at_work(self) -> bool:
        """Is there a thread that looks?"""
        return self._thread is not None and self._thread.is_alive()

    def hear(self, bell: Bell) -> None:
        """Look as soon as the thread gets to it, unless that pool is kept no more."""
        with self._lock:
            if bell in self._looks:
                self._looks[bell] = -math.inf
                open_gate(self._gate)

    def see_off(self, keeper: Keeper, until: float) -> None:
        """Wait until a keeper that was stopped is through; and for the thread's end, if it was the last."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        while thread.is_alive() and not self._goes_on_without(keeper) and self._clock.now() < until:
            thread.join(GLANCE)

    def _goes_on_without(self, keeper: Keeper) -> bool:
        """Is this one through, and the thread at work for others?"""
        at_work = [bell.keeper for bell in self._looks.copy()]
        return keeper not in at_work and any(not each.is_stopped for each in at_work)

    def _step(self) -> bool:
        """Look at the pool whose turn it is, or wait until then; return whether the thread may go."""
        with self._lock:
            if not self._looks:
                self._thread = None
                return True
            when, bell = min(((when, bell) for bell, when in self._looks.items()), key=_time_of)
        if when > self._clock.now():
            self._clock.wait(self._gate, when)
            return False
        bell.is_rung = False
        again = bell.keeper.look()
        with self._lock:
            if again is None:
                del self._looks[bell]
            elif not bell.is_rung:
                self._looks[bell] = again
        return False

    def _start_anew(self) -> list[Any]:
        old = self.__dict__.copy()
        self.__dict__.clear()  # also of locks that another thread held
        self._set_up(old["_clock"])
        return [old]


def _time_of(look: tuple[float, Bell]) -> float:
    return look[0]


_by_clock: "weakref.WeakValueDictionary[Clock, Keepers]" = weakref.WeakValueDictionary()


def keepers_by(clock: Clock) -> Keepers:
    """Return the keepers that live by this clock; whoever uses them holds them."""
    return _by_clock.setdefault(clock, Keepers(clock))
