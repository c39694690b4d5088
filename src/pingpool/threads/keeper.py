"""One thread keeps all pools of a process alive: it has proven what is due in each, and sleeps until the next is due.

It begins with the first pool that is kept, and goes with the last. Nothing of a user runs in it, except where no thread
can be had for the timers of a pool; and no look waits for a database: so no pool keeps another one waiting. A look that
something was thrown into is taken again.
"""

import math
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from pingpool.agenda import Agenda
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
        self.keeper = Keeper(look, self)
        self._hear = keepers.hear  # bound: also when the interpreter has taken this module apart

    def ring(self) -> None:
        """Let it look now."""
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
        looks: dict[Bell, float] = {}
        self._looks = looks
        self._rung: deque[Bell] = deque()
        self._agenda: Agenda[Bell] = Agenda(lambda when, bell: looks.get(bell) == when)
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
            self._rung.append(bell)
            self._looks[bell] = -math.inf
            open_gate(self._gate)
        return bell.keeper

    @property
    def are_at_work(self) -> bool:
        """Is there a thread that looks?"""
        return self._thread is not None and self._thread.is_alive()

    def hear(self, bell: Bell) -> None:
        """Look as soon as the thread gets to it, unless that pool is kept no more."""
        if bell in self._looks:
            self._rung.append(bell)
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
        return keeper.alarm not in self._looks and any(not bell.keeper.is_stopped for bell in self._looks.copy())

    def _step(self) -> bool:
        """Look at the pool whose turn it is, or wait until then; return whether the thread may go."""
        with self._lock:
            self._heed_bells()
            turn = self._agenda.first()
            if turn is None:
                self._thread = None
                return True
        when, _, bell = turn
        if when > self._clock.now():
            self._clock.wait(self._gate, when)
            return False
        again = bell.keeper.look()
        with self._lock:
            if again is None:
                del self._looks[bell]
            else:
                self._look_at(bell, again)
        return False

    def _heed_bells(self) -> None:
        """Let those be looked at next whose bells were rung."""
        while self._rung:
            if self._rung[0] in self._looks:
                self._look_at(self._rung[0], -math.inf)
            self._rung.popleft()

    def _look_at(self, bell: Bell, when: float) -> None:
        """Let the next look at a pool be at that time, and not when it was to be."""
        self._agenda.enter(when, bell)
        self._looks[bell] = when  # last: an interrupt in between leaves the look that was due before

    def _start_anew(self) -> list[Any]:
        old = self.__dict__.copy()
        self.__dict__.clear()  # also of locks that another thread held
        self._set_up(old["_clock"])
        return [old]


_by_clock: "weakref.WeakValueDictionary[Clock, Keepers]" = weakref.WeakValueDictionary()


def keepers_by(clock: Clock) -> Keepers:
    """Return the keepers that live by this clock; whoever uses them holds them."""
    return _by_clock.setdefault(clock, Keepers(clock))
