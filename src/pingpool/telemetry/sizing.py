"""How many sessions are enough, and how many there is room for: the sums of docs/sizing.md. Pure arithmetic.

Two laws of queues. Little's: the sessions in use, on average, are the checkouts a second times the seconds that each is
held. Erlang's: how many checkouts find every session in use, if they come at random, and how long those wait. Holding
times that all are alike wait less than that, bursts wait longer.
"""

import math
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

IN_TIME = 0.99
"""The share of all checkouts that are to wait no longer than wanted."""

BUSIEST = 100_000
"""With more sessions nobody would have one pool, or one server."""


class Load(NamedTuple):
    """What is asked of one pool: checkouts a second, and for how many seconds each holds its session."""

    rate: float
    held: float

    @property
    def in_use(self) -> float:
        """Return how many sessions are in use on average: Little's law."""
        return self.rate * self.held


class Prospect(NamedTuple):
    """What callers of a pool with `size` sessions can expect.

    `waiting` is the share of checkouts that find every session in use, `longest` the seconds that one in a hundred
    exceeds; infinity if the pool cannot keep up.
    """

    size: int
    waiting: float
    longest: float


class Server(NamedTuple):
    """How many sessions the server takes, how many of them are kept for others, and who shares the rest.

    `surge` is what a deployment adds while old and new processes run side by side, as a part of `processes`.
    """

    max_connections: int
    reserved: int
    processes: int
    surge: float

    @property
    def places(self) -> int:
        """Return how many sessions all pools together may have."""
        return max(0, self.max_connections - self.reserved)

    @property
    def room(self) -> int:
        """Return the largest size that each pool may have."""
        return self.places // most_processes(self.processes, self.surge)

    def sessions(self, size: int) -> int:
        """Return how many sessions there are at most, with pools of that size."""
        return size * most_processes(self.processes, self.surge)


def most_processes(processes: int, surge: float) -> int:
    """Return how many processes there are in the middle of a deployment."""
    return math.ceil(round(processes * (1 + surge), 9))


def prospects(load: Load) -> Iterator[Prospect]:
    """Yield what callers can expect of 1, 2, 3 … sessions."""
    offered = load.in_use
    lost = 1.0  # Erlang's B: the share that would be turned away if nobody could wait
    for size in count(1):
        lost = offered * lost / (size + offered * lost)
        if offered >= size:
            yield Prospect(size, 1.0, math.inf)
            continue
        waiting = size * lost / (size - offered * (1 - lost))
        yield Prospect(size, waiting, _exceeded_by(1 - IN_TIME, waiting, (size - offered) / load.held))


def prospect(load: Load, size: int) -> Prospect:
    """Return what callers can expect of so many sessions."""
    return next(each for each in prospects(load) if each.size == size)


def least_size(load: Load, wait: float) -> int:
    """Return how many sessions are enough for 99 of 100 checkouts to wait at most so many seconds."""
    return next(each.size for each in prospects(load) if each.longest <= wait)


def _exceeded_by(share: float, waiting: float, pace: float) -> float:
    """Return the wait that this share exceeds, where those who wait are served at a pace of so many a second."""
    return math.log(waiting / share) / pace if waiting > share else 0.0
