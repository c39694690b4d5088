"""The desk: where the ledger lies, with its lock, and from where its orders go out.

Everything a thread wants from the ledger happens in one turn at the desk: take the lock, tell the ledger one thing with
the time it is, let go, carry the orders out. The fast ways of `get` and `put` are such turns too, written out in place.

Three things may strike in the middle of a turn:

- An exception thrown into the thread (Ctrl-C, a test's time-out): `heal` mends the indexes and sends again what may
  not have reached the crew. The lock is never left held: it is re-entrant, so letting go of it is safe to try.
- A signal handler or a finaliser that comes back to the desk from within the same thread. It passes the re-entrant
  lock, sees that the desk is `busy`, and leaves its news to the watch, which brings it as soon as the turn is over.
- A fork: the child throws the desk away and sets up a new one.
"""

import logging
import math
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from types import CodeType
from typing import Any, Generic

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Dropped, Job, Order
from pingpool.core.places import S
from pingpool.core.stats import Stats, snapshot
from pingpool.errors import PoolError
from pingpool.threads.clock import Clock
from pingpool.threads.gates import ThreadRound, ThreadWaiter
from pingpool.threads.watch import Watch

PATROL = 0.25
"""Seconds after which a thread that waits looks for itself whether somebody dropped a session."""

log = logging.getLogger("pingpool")


class Desk(Generic[S]):
    """One ledger, and all that it takes to serve it among threads."""

    def __init__(self, name: str, ledger: Ledger[S], clock: Clock) -> None:
        """Set up the desk for a ledger; jobs can be carried out once there is somebody to `send` them to."""
        self.name = name
        self.ledger = ledger
        self.clock = clock
        self.now = clock.now
        self.watch = Watch(name, clock)
        self.send: Callable[[list[Job]], None] = _nobody
        self.check_out = ledger.check_out
        self.check_in = ledger.check_in
        self.busy = False
        self.lock = threading.RLock()
        self.acquire = self.lock.acquire
        self.release = self.lock.release
        self._alarm_at = math.inf

    def tell(self, event: Callable[..., Sequence[Order] | None], *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        orders: Sequence[Order] | None = None
        alarm_at = math.inf
        try:
            self.acquire()
            struck = self.busy
            if not struck:
                self.busy = True
                now = self.now()
                orders = event(*facts, now)
                alarm_at = self.ledger.wake_at(now)
                self.busy = False
            self.release()
            if orders:
                self.carry_out(orders)
            self._set_alarm(alarm_at)
        except PoolError:
            self.leave()
            raise
        except BaseException:
            self.heal()
            raise
        if struck:
            self.watch.at(-math.inf, partial(self.tell, event, *facts))

    def leave(self) -> None:
        """End a turn in which the ledger refused."""
        self.busy = False
        self.release()

    def carry_out(self, orders: Sequence[Order]) -> None:
        """Send the jobs to the crew, and wake those who are to be woken."""
        jobs: list[Job] = []
        for order in orders:
            if isinstance(order, Job):
                jobs.append(order)
            elif isinstance(order, Dropped):
                self._warn(order)
            else:
                order.wake()
        if jobs:
            self.send(jobs)

    def start(self, job: Job) -> bool:
        """Return whether the job is still to be done, and by this thread."""
        with self.lock:
            return self.ledger.start(job)

    def heal(self) -> None:
        """Mend what an exception in the middle of this thread's turn left behind; harmless where it left nothing."""
        if not self.acquire(blocking=False):  # it is another thread's turn: ours had not begun
            return
        orders = self.ledger.heal() if self.busy else []
        self.busy = False
        while self._let_go():
            pass
        self.carry_out(orders)

    def wait(self, answer: ThreadWaiter | ThreadRound, until: float) -> None:
        """Wait until the answer is there, but no longer than `until`."""
        while not answer.is_over and (left := until - self.now()) > 0:
            if not self.clock.wait(answer.gate, min(left, PATROL)) and self.ledger.letterbox:
                self.tell(self.ledger.tick)

    def snapshot(self) -> Stats:
        """Take a picture of the ledger between two turns."""
        with self.lock:
            return snapshot(self.ledger)

    def _set_alarm(self, when: float) -> None:
        """Have the ledger ticked when the pause ends that holds something back."""
        if when < self._alarm_at:
            self._alarm_at = when
            self.watch.at(when, self._tick)

    def _tick(self) -> None:
        self._alarm_at = math.inf
        self.tell(self.ledger.tick)

    def _let_go(self) -> bool:
        """Let go of the lock if this thread holds it."""
        try:
            self.release()
        except RuntimeError:
            return False
        return True

    def _warn(self, dropped: Dropped) -> None:
        """Say where a session was checked out that its holder dropped."""
        place = place_of(dropped.site, dropped.line)
        text = f"{self.name}: a session checked out {place} was never put back; its slot is made anew"
        log.warning(text)
        warnings.warn(text, ResourceWarning, stacklevel=1)


def place_of(site: CodeType | None, line: int) -> str:
    """Say where in the caller's code that is."""
    return f"in {site.co_qualname} ({site.co_filename}:{line})" if site else "somewhere"


def _nobody(jobs: list[Job]) -> None:
    """Nobody is there to do jobs: an unbound pool orders none."""
    raise AssertionError(f"{len(jobs)} jobs were ordered by a ledger that nobody asked to fill")
