"""The saboteur: a thread that does to a pool, within seconds, what a bad month in production does.

It kills sessions behind the pool's back, idle ones and ones in use; it has workers walk away with theirs; it
interrupts workers in mid-transaction. Each strike is marked on the timeline, which is also where it is counted.
"""

import gc
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from typing import Generic

from pingpool.cli.ambush import INTERRUPTED, KILLED_IDLE, KILLED_IN_USE, Ambush
from pingpool.cli.witness import Witness
from pingpool.database import S
from pingpool.telemetry.timeline import Timeline

BREATH = (0.1, 0.3)
"""The shortest and the longest pause between two strikes, in seconds."""

PATIENCE = 0.2
"""Seconds after which it tries something else if nobody fit for a strike comes by."""

GLANCE = 0.002
"""Seconds between two looks for a session that nobody holds."""


class Saboteur(Generic[S]):
    """Strikes at random moments, each way of striking as often as the others."""

    def __init__(self, witness: Witness[S], ambush: Ambush[S], timeline: Timeline) -> None:
        """Wait for the order to start."""
        self._witness = witness
        self._ambush = ambush
        self._timeline = timeline
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saboteur", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let nobody stand still."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for strike in self._strikes():
            if self._over.wait(random.uniform(*BREATH)):
                return
            strike()

    def _strikes(self) -> Iterator[Callable[[], None]]:
        """Yield every way of striking, shuffled, again and again."""
        ways = [self._kill_idle, self._kill_in_use, self._interrupt, self._befuddle]
        return itertools.chain.from_iterable(random.sample(ways, len(ways)) for _ in itertools.count())

    def _kill_idle(self) -> None:
        """End a session that nobody holds; in rush hours that takes a few looks."""
        for _ in range(int(PATIENCE / GLANCE)):
            if self._kill_any_idle() or self._over.wait(GLANCE):
                return

    def _kill_any_idle(self) -> bool:
        sessions = self._witness.sessions()
        random.shuffle(sessions)
        for session in sessions:
            lane = self._timeline.lane_of(session)
            if self._witness.kill_idle(session):
                self._timeline.mark(KILLED_IDLE, lane)
                return True
        return False

    def _kill_in_use(self) -> None:
        """End a session in the hands of a worker in mid-transaction."""
        if victim := self._ambush.catch(PATIENCE):
            self._timeline.mark(KILLED_IN_USE, self._timeline.lane_of(victim.session))
            self._witness.kill(victim.session)
            victim.go_on()

    def _interrupt(self) -> None:
        """Interrupt a worker in mid-transaction."""
        if victim := self._ambush.catch(PATIENCE):
            self._timeline.mark(INTERRUPTED, self._timeline.lane_of(victim.session))
            victim.interrupt()
            victim.go_on()

    def _befuddle(self) -> None:
        """Have a worker walk away with its session, and see that it is collected.

        A `sqlite3.Connection` is part of a reference cycle: the collector alone ends a dropped one. In a busy program
        it soon comes by; here it is asked to, by the one thread that may hold on to sessions of others.
        """
        if self._ambush.befuddle(PATIENCE):
            gc.collect()
