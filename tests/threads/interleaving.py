"""Threads that run one at a time, and change over only where they are told to: every interleaving, one after the other.

CPython changes from one thread to another only where it looks for signals (see `strikes`): after a call, where a
function begins, and where a loop jumps back. Each actor here is a real thread that stops at each such place in the
pool's own code and goes on when it holds the baton. A plan says at which places, counted over all actors, the baton
goes to somebody else; without one it is passed on only by an actor that ends, or that has to wait.

Few bugs of threads take more than two changes at bad moments, so plans with one or two are tried.
"""

import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

from pingpool.testing import Clock
from pingpool.threads import latch
from pingpool.threads.clock import Gate
from tests.threads.strikes import breaks, is_ours

WITH_LOCKS = ("timers.py", "agenda.py", "workers.py", "own.py", "late.py")
"""Files of the pool with real locks, or used under them: nobody stops in there, or the next one would wait for him
without the baton."""

LOST = 60.0
"""Seconds of real time after which an actor counts as hung."""

Act = Callable[[], object]


class Change(NamedTuple):
    """At this place, counted over all actors, the baton goes to this actor; or to the next one, if he has ended."""

    place: int
    actor: int


class Stage:
    """Actors, the baton, and the plan by which it is passed."""

    def __init__(self, plan: Sequence[Change]) -> None:
        self._plan = dict(plan)
        self.places = 0
        self._actors: list[_Actor] = []
        self._idle_turns = 0

    def play(self, acts: Sequence[Act], clock: "StagedClock") -> None:
        """Run all acts to their ends; raise the first error of any."""
        clock.stage = self
        self._actors = [_Actor(self, number, act) for number, act in enumerate(acts)]
        for actor in self._actors:
            actor.start()
        self._actors[0].baton.release()
        for actor in self._actors:
            actor.join(LOST)
            if actor.is_alive():
                raise AssertionError(f"actor {actor.number} hangs")
        for actor in self._actors:
            if actor.error is not None:
                raise actor.error

    def arrive(self, actor: "_Actor") -> None:
        """An actor comes to a place where Python may change threads."""
        self.places += 1
        self._idle_turns = 0
        to = self._plan.get(self.places)
        if to is not None:
            self._pass_on(actor, to)

    def idle(self, actor: "_Actor") -> bool:
        """An actor has to wait: let the others go on; return whether they all wait, too."""
        self._idle_turns += 1
        if self._idle_turns > sum(not each.has_ended for each in self._actors):
            self._idle_turns = 0
            return True
        self._pass_on(actor, actor.number + 1)
        return False

    def leave(self, actor: "_Actor") -> None:
        """An actor has ended."""
        actor.has_ended = True
        self._idle_turns = 0
        successor = self._after(actor.number + 1)
        if successor is not None:
            successor.baton.release()

    def _pass_on(self, actor: "_Actor", to: int) -> None:
        successor = self._after(to)
        if successor is not None and successor is not actor:
            successor.baton.release()
            actor.take_baton()

    def _after(self, number: int) -> "_Actor | None":
        """Return the first actor from this number on, in a circle, who has not ended."""
        circle = self._actors[number % len(self._actors) :] + self._actors[: number % len(self._actors)]
        return next((actor for actor in circle if not actor.has_ended), None)


class _Actor(threading.Thread):
    """A thread that goes on while it holds the baton."""

    def __init__(self, stage: Stage, number: int, act: Act) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.has_ended = False
        self.error: BaseException | None = None
        self.baton = threading.Lock()
        self.baton.acquire()
        self._stage = stage
        self._act = act

    def take_baton(self) -> None:
        """Wait for the baton."""
        assert self.baton.acquire(timeout=LOST)

    def run(self) -> None:
        """Play the act."""
        self.take_baton()
        sys.settrace(self._trace)
        try:
            self._act()
        except BaseException as error:
            self.error = error
        finally:
            sys.settrace(None)
            self._stage.leave(self)

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in breaks(frame.f_code) and not _may_hold_a_lock(frame):
            self._stage.arrive(self)
        return self._trace


def _may_hold_a_lock(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.endswith(WITH_LOCKS):
            return True
        frame = frame.f_back
    return False


class StagedClock(Clock):
    """A told clock that moves on when all actors wait."""

    stage: Stage | None = None

    def wait(self, gate: Gate, until: float) -> bool:
        """Let others go on until the gate is open, or the time is up."""
        actor = threading.current_thread()
        if self.stage is None or not isinstance(actor, _Actor):
            return super().wait(gate, until)
        while not gate.acquire(blocking=False):
            if self.now() >= until:
                return False
            if self.stage.idle(actor):
                self.advance(until - self.now())
        return True


class Pauses:
    """Stands in for `time` where a turn waits for the latch: an actor lets the others go on."""

    def __init__(self, clock: StagedClock) -> None:
        self._clock = clock
        self._sleep = latch.time.sleep

    def sleep(self, seconds: float) -> None:
        """Pause."""
        actor = threading.current_thread()
        if isinstance(actor, _Actor) and self._clock.stage is not None:
            self._clock.stage.idle(actor)
        self._sleep(seconds if not isinstance(actor, _Actor) else 0)


def plans(actors: int, changes: int, play: Callable[[Sequence[Change]], int]) -> Iterator[Sequence[Change]]:
    """Play every plan with so many changes at most, in any order, and yield each after it went well.

    `play` plays one and returns how many places were met: a further change comes at a later one of those.
    """
    chance = random.Random(1)
    begun: list[tuple[Change, ...]] = [()]
    while begun:
        nth = chance.randrange(len(begun))
        begun[nth], begun[-1] = begun[-1], begun[nth]
        plan = begun.pop()
        places = play(plan)
        yield plan
        if len(plan) < changes:
            first = plan[-1].place + 1 if plan else 1
            begun += [(*plan, Change(place, actor)) for place in range(first, places + 1) for actor in range(actors)]
