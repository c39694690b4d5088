"""One small world, and everything that may happen in it: what callers and workers do, what is brought, what is heard.

A session that was dropped is the worst kind there is: the next one created gets its place in memory, hence its `id`.
"""

import math
from collections.abc import Callable

from pingpool.core.orders import Order, Round
from pingpool.core.slot import CREATING

from .callers import Callers
from .hearing import Hearing
from .model import Broken
from .newcomers import Newcomers
from .small import UNIT
from .workers import Workers


class World(Callers, Newcomers, Hearing, Workers):
    """All that may happen, and what concerns the pool as a whole; `place` says to which of its kind."""

    __slots__ = ()

    def step(self, _: int) -> None:
        """Time passes, and nobody tells the ledger yet."""
        self.now += UNIT

    def tick(self, _: int) -> None:
        """Somebody tells the ledger."""
        self.settle(self.ledger.tick(self.now))

    def ping(self, _: int) -> None:
        """Somebody has the idle sessions checked."""
        self._call(self.ledger.ping)

    def fill(self, _: int) -> None:
        """Somebody binds the pool; what failed before is forgiven."""
        self.memory.forgiven()
        self._call(self.ledger.fill)

    def fill_on_demand(self, enough: int) -> None:
        """Somebody binds the pool, and waits for some sessions; all others are opened on demand."""
        self.memory.forgiven()
        self._call(self.ledger.fill_on_demand, enough)

    def expect(self, enough: int) -> None:
        """Somebody waits until so many sessions are open."""
        self._call(self.ledger.expect, enough)

    def forgo(self, place: int) -> None:
        """Whoever waited for the end of a round waits no more."""
        round = self.ledger.places.jobs.rounds[place]
        self.settle(self.ledger.forgo(round, self.now))

    def renew(self, _: int) -> None:
        """Somebody has all sessions renewed, also those that are being opened."""
        begun = [job for job in self.jobs if job.kind is CREATING and job.started and self.ledger.filling]
        self.settle(self.ledger.renew(self.now))
        if not all(job.outdated for job in begun):
            raise Broken("a session that was being opened is not to be renewed")

    def clear(self, _: int) -> None:
        """Somebody clears the pool."""
        self._call(self.ledger.clear)
        if self.ledger.places.left:
            raise Broken("a session that could not be ended is not ended when the pool is cleared")

    def close(self, _: int) -> None:
        """Somebody closes the pool."""
        self._call(self.ledger.close)
        if self.line:
            raise Broken("a waiter was not told that the pool is closed")

    def _call(self, call: Callable[[Round, float], list[Order]], enough: float = math.inf) -> None:
        round = Round()
        round.enough = enough
        self.settle(call(round, self.now))
        if not self.config.rounds:
            self.ledger.places.jobs.rounds.clear()
