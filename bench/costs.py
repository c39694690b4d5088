"""Costs: what each event costs the ledger in pools of ten sessions and of a million: none may grow as the size does.

But for one: an interrupt in the midst of a turn is mended by a look at every slot, and no other event is that rare.
"""

import gc
import random
import time
from collections.abc import Callable
from typing import Any

from bench.rounds import Effort
from bench.sheet import Row, Sheet, at_most
from pingpool.core.ledger import Ledger
from pingpool.core.orders import End, Job, Outcome, Round, Verdict, Waiter
from pingpool.core.slot import CREATING
from pingpool.core.stats import snapshot

SIZES = (10, 1_000, 100_000)
MOST_TIMES = {"1": 2, "log n": 15}
"""How many times its cost in the smallest pool an event of this order may cost in the largest."""

INTERVAL = 3000.0
TIMES = 50


class Session:
    __slots__ = ("__weakref__",)


class Pool:
    """A kept ledger, full of idle sessions, at a time when all is well."""

    def __init__(self, size: int) -> None:
        self.ledger = Ledger[Session](size, interval=INTERVAL, jitter=random.random)
        self.ledger.keep()
        self.now = 1.0
        jobs = self._jobs(self.ledger.fill(Round(), 0.0))
        while jobs:
            job = jobs.pop()
            self.ledger.start(job)
            made = Outcome(End.CREATED, session=Session())
            jobs += self._jobs(self.ledger.report(job, made, len(self.ledger.idle) / size))
        self.foreign = Session()

    def get_and_put(self) -> None:
        session = self._get()
        self.ledger.check_in(session, self.now)

    def knows(self) -> None:
        self.ledger.knows(self.foreign)

    def put_foreign(self) -> None:
        self.ledger.check_in(self.foreign, self.now)

    def put_twice(self) -> None:
        self.ledger.check_in(self.ledger.idle[-1].session, self.now)

    def look(self) -> None:
        self.ledger.next_look_at(self.now)

    def ping(self) -> None:
        self.now = max(self.now, self.ledger.keeping.next_due())
        for job in self._jobs(self.ledger.ping(Round(), self.now)):
            self.ledger.start(job)
            self.ledger.report(job, Outcome(End.ALIVE), self.now)

    def drop(self) -> None:
        session = self._get()
        del session
        self.do(self.ledger.tick(self.now))

    def hand_over(self) -> None:
        session = self._get()
        waiter = self._waiter()
        self.ledger.check_in(session, self.now)
        self.ledger.check_in(waiter.session, self.now)

    def time_out(self) -> None:
        self.ledger.abandon(self._waiter(), self.now)

    def discard(self) -> None:
        self.do(self.ledger.take_back(self._get(), Verdict.DISCARDED, self.now))

    def distrust(self) -> None:
        creation = self.ledger.serving.creation
        creation.belied(0.0, self.now)
        self.ledger.tick(self.now)
        creation.reset()

    def statistics(self) -> None:
        snapshot(self.ledger)

    def heal(self) -> None:
        self.ledger.heal()

    def _waiter(self) -> Waiter:
        """Return somebody in line, who has not looked whether a session is idle."""
        waiter = Waiter(None, 0)
        waiter.since = self.now
        self.ledger.places.line.enter(waiter)
        return waiter

    def do(self, orders: list[Any]) -> None:
        """Do these jobs, and what follows from them."""
        jobs = self._jobs(orders)
        while jobs:
            job = jobs.pop()
            self.ledger.start(job)
            outcome = Outcome(End.CREATED, session=Session()) if job.kind is CREATING else Outcome(End.CLOSED)
            jobs += self._jobs(self.ledger.report(job, outcome, self.now))

    def _get(self) -> Session:
        session = self.ledger.check_out(self.now, None, 0)
        assert session is not None
        return session

    @staticmethod
    def _jobs(orders: list[Any]) -> list[Job]:
        return [order for order in orders if isinstance(order, Job)]


EVENTS: dict[str, tuple[Callable[[Pool], None], str]] = {
    "get + put": (Pool.get_and_put, "1"),
    "is it known": (Pool.knows, "1"),
    "put of a foreign object": (Pool.put_foreign, "1"),
    "put for the second time": (Pool.put_twice, "1"),
    "the keeper's look": (Pool.look, "log n"),
    "a ping, with its report": (Pool.ping, "log n"),
    "a drop, and a new session": (Pool.drop, "1"),
    "a discard, and a new session": (Pool.discard, "1"),
    "a hand-over to who waits": (Pool.hand_over, "1"),
    "a wait in vain": (Pool.time_out, "1"),
    "a turn while new sessions are distrusted": (Pool.distrust, "1"),
    "the statistics": (Pool.statistics, "1"),
    "mending, after an interrupt": (Pool.heal, "n"),
}


def microseconds(event: Callable[[Pool], None], pool: Pool) -> float:
    """Return how long an event takes, of so many that follow each other."""
    start = time.perf_counter()
    for _ in range(TIMES):
        event(pool)
    return (time.perf_counter() - start) / TIMES * 1e6


def run(effort: Effort) -> Sheet:
    sizes = sorted({*SIZES, effort.many})
    sheet = Sheet(
        title="costs: what an event costs the ledger, by the size of the pool",
        note="Microseconds. All sessions are idle, and kept alive; the target is the last size against the first.",
        columns=["", *(f"{size:,}" for size in sizes), "growth", "order"],
    )
    figures: dict[str, list[float]] = {name: [] for name in EVENTS}
    for size in sizes:
        pool = Pool(size)
        gc.collect()
        gc.freeze()  # or the collector would walk through all sessions now and then
        for name, (event, _) in EVENTS.items():
            times = 1 if EVENTS[name][1] == "n" else 20
            figures[name].append(min(microseconds(event, pool) for _ in range(times)))
        gc.unfreeze()
    for name, each in figures.items():
        growth = each[-1] / each[0]
        order = EVENTS[name][1]
        cells = [name, *(f"{figure:.1f}" for figure in each), f"{growth:.1f}", order]
        sheet.rows.append(Row(cells, at_most(MOST_TIMES[order], growth, " x") if order in MOST_TIMES else None))
        sheet.raw[name] = dict(zip(map(str, sizes), each, strict=True))
    return sheet
