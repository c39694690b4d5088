"""The saboteur: a thread that does to a pool in seconds what production does in a bad month.

Each strike is marked on the timeline, where strikes are also counted.
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

PAUSE = (0.1, 0.3)
"""The shortest and the longest pause between two strikes, in seconds."""

PATIENCE = 0.2
"""Seconds that it waits for a worker before it tries something else."""

LOOK_EVERY = 0.002
"""Seconds between two looks for an idle session."""


class Saboteur(Generic[S]):
    """Strikes at random times, in each way equally often."""

    def __init__(self, witness: Witness[S], ambush: Ambush[S], timeline: Timeline) -> None:
        self._witness = witness
        self._ambush = ambush
        self._timeline = timeline
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saboteur", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for strike in self._strikes():
            if self._over.wait(random.uniform(*PAUSE)):
                return
            strike()

    def _strikes(self) -> Iterator[Callable[[], None]]:
        ways = [self._kill_idle, self._kill_in_use, self._interrupt, self._drop]
        return itertools.chain.from_iterable(random.sample(ways, len(ways)) for _ in itertools.count())

    def _kill_idle(self) -> None:
        """End an idle session; in rush hours that takes a few looks."""
        for _ in range(int(PATIENCE / LOOK_EVERY)):
            if self._kill_any_idle() or self._over.wait(LOOK_EVERY):
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
        if victim := self._ambush.catch(PATIENCE):
            self._timeline.mark(KILLED_IN_USE, self._timeline.lane_of(victim.session))
            self._witness.kill(victim.session)
            victim.go_on()

    def _interrupt(self) -> None:
        if victim := self._ambush.catch(PATIENCE):
            self._timeline.mark(INTERRUPTED, self._timeline.lane_of(victim.session))
            victim.interrupt()
            victim.go_on()

    def _drop(self) -> None:
        """Have a worker drop its session, and have that collected.

        A `sqlite3.Connection` is part of a reference cycle. Only this thread may collect: it alone never holds the
        sessions of others.
        """
        if self._ambush.have_one_dropped(PATIENCE):
            gc.collect()
