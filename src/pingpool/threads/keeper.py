"""The keeper: a loop around `begin_ping()`, which is a `ping()` that waits for nothing.

If it waited for the end of a round, one ping that hangs would keep it from all others, whose sessions would grow too
old meanwhile and hang in turn.
"""

import threading
import weakref
from typing import Protocol

from pingpool.ground import journal
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate


class Pingable(Protocol):
    """A pool, as its keeper sees it."""

    @property
    def name(self) -> str:
        """What the pool is called."""
        ...

    @property
    def closed(self) -> bool:
        """Has the pool been closed?"""
        ...

    def begin_ping(self) -> object:
        """Have proven what is due."""
        ...

    def next_look_at(self) -> float:
        """Return when something will be due, or might be."""
        ...


class Keeper:
    """Keeps the idle sessions of one pool alive, from a thread of its own, for as long as somebody holds the pool."""

    def __init__(self, pool: Pingable, clock: Clock) -> None:
        """Wait for the order to start."""
        self._pool = weakref.ref(pool, lambda _: self.wake())
        self._clock = clock
        self._gate = shut_gate()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"{pool.name}-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look now: something happened that may have made sessions due."""
        open_gate(self._gate)

    def stop(self) -> None:
        """End after the round that is going on, if any."""
        self._stopped = True
        self.wake()

    def _run(self) -> None:
        while (pause := self._pause()) is not None:
            self._clock.wait(self._gate, pause)
            pool = self._pool()
            if pool is not None and not self._stopped:
                self._ping(pool)
            del pool

    def _ping(self, pool: Pingable) -> None:
        """Ping once; a keeper that dies of an error would be worse than any error."""
        try:
            pool.begin_ping()
        except Exception:
            journal.exception("%s: a round of pings failed", pool.name)

    def _pause(self) -> float | None:
        """Return how many seconds to sleep; None if there will never be anything to do."""
        pool = self._pool()
        if pool is None or pool.closed or self._stopped:
            return None
        return pool.next_look_at() - self._clock.now()
