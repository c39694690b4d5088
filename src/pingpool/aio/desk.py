"""The desk: where the ledger lies, and from where its orders go out.

Everything a task wants from the ledger happens in one turn at the desk: tell the ledger one thing with the time it
is, carry the orders out. There is no `await` in a turn, so turns never mix and nothing has to be locked; and since
every turn is complete before anybody can be cancelled, a cancel finds each session with exactly one owner.

Only an exception thrown into the middle of a turn (a Ctrl-C that no `asyncio.run` took) may tear one apart: `heal`
mends the indexes and sends again what may not have reached the crew.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, Generic

from pingpool.aio.clock import Clock, LoopClock
from pingpool.aio.errors import WrongLoop, kin_of
from pingpool.aio.gates import AsyncRound, AsyncWaiter
from pingpool.aio.watch import Watch
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Dropped, Job, LimitFound, Order, Refused, Round, Waiter
from pingpool.core.slot import S
from pingpool.core.stats import Stats, snapshot
from pingpool.errors import PoolFull
from pingpool.ground.news import tell_of_dropped, tell_of_limit

PATROL = 0.25
"""Seconds after which somebody looks, while tasks wait, whether a session was dropped."""


class Desk(Generic[S]):
    """One ledger, and all that it takes to serve it in one event loop."""

    loop: asyncio.AbstractEventLoop | None = None
    clock: Clock
    watch: Watch

    def __init__(self, name: str, ledger: Ledger[S], clock: Clock | None) -> None:
        """Set up the desk for a ledger. Its loop is the first it is used in, and brings the clock if none is given"""
        self.name = name
        self.ledger = ledger
        self.is_running: Callable[[], bool] = _nowhere
        self.thread = 0
        self._given_clock = clock
        self.now: Callable[[], float] = _no_time
        self.send: Callable[[list[Job]], None] = _nobody
        self.expire: Callable[[float], float] = _nothing_expires

    # Where it stands.

    def settle_in(self) -> None:
        """Make the running loop the desk's own.

        Raises:
            WrongLoop: it has one already, and this is another.
            RuntimeError: no loop is running.
        """
        loop = asyncio.get_running_loop()
        if self.loop is None:
            self.loop = loop
            self.is_running = loop.is_running
            self.clock = self._given_clock or LoopClock(loop)
            self.now = self.clock.now
            self.watch = Watch(self.clock, self._look_around)
        elif self.loop is not loop:
            why = "which is closed: make a new pool in this one" if self.loop.is_closed() else "not to this one"
            raise WrongLoop(f"{self.name} and its sessions belong to the event loop they were first used in, {why}")
        self.thread = get_ident()

    def is_home(self) -> bool:
        """Is this the desk's own loop? (`asyncio.get_running_loop` is a system call on Python 3.11.)"""
        return self.is_running() and get_ident() == self.thread

    # Turns.

    def tell(self, event: Callable[..., Sequence[Order] | None], *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        try:
            now = self.now()
            orders = event(*facts, now)
            if orders:
                self.carry_out(orders)
            self._set_alarm(now)
        except PoolFull:
            raise
        except BaseException:
            self.heal()
            raise

    def carry_out(self, orders: Sequence[Order]) -> None:
        """Send the jobs to the crew, and wake those who are to be woken."""
        jobs = [order for order in orders if isinstance(order, Job)]
        if jobs:
            self.send(jobs)
        for order in orders:
            if isinstance(order, Waiter | Round):
                order.wake()
        for order in orders:
            if isinstance(order, Dropped):
                tell_of_dropped(self.name, order)
            elif isinstance(order, LimitFound):
                tell_of_limit(self.name, order)
            elif isinstance(order, Refused):
                raise kin_of(order.error)

    def heal(self) -> None:
        """Mend what an exception in the middle of a turn left behind; harmless where it left nothing."""
        self.carry_out(self.ledger.heal())
        self._set_alarm(self.now())

    def _set_alarm(self, now: float) -> None:
        """Have the ledger ticked when the pause ends that holds something back."""
        wake_at = self.ledger.wake_at(now)
        if wake_at < math.inf and self.is_home():
            self.watch.by(wake_at)

    # Waiting. Whoever is cancelled here has either been answered by then or not: the ledger knows.

    async def wait(self, answer: AsyncWaiter | AsyncRound, until: float) -> None:
        """Wait until the answer is there, but no longer than `until`."""
        assert self.loop is not None
        if not answer.is_over:
            self.watch.by(min(until, self.now() + PATROL))
        while not answer.is_over and self.now() < until:
            answer.gate = self.loop.create_future()
            await answer.gate

    def snapshot(self) -> Stats:
        """Take a picture of the ledger."""
        return snapshot(self.ledger)

    def _look_around(self) -> float:
        """See whose time is up; return when to look again."""
        now = self.now()
        again = self.expire(now)
        for waiter in self.ledger.waiters:
            assert isinstance(waiter, AsyncWaiter)
            if waiter.until <= now:
                waiter.wake()
            else:
                again = min(again, waiter.until, now + PATROL)
        self.tell(self.ledger.tick)
        return again


def _nowhere() -> bool:
    """Say that no loop is running: there is none yet."""
    return False


def _no_time() -> float:
    """Tell no time: only a loop brings it."""
    return -math.inf


def _nobody(jobs: list[Job]) -> None:
    """Nobody is there to do jobs: an unbound pool orders none."""
    raise AssertionError(f"{len(jobs)} jobs were ordered by a ledger that nobody asked to fill")


def _nothing_expires(now: float) -> float:
    """Say that no job has a deadline."""
    return math.inf
