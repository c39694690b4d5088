"""The desk: where the ledger lies, with its latch, and from where its orders go out.

Everything a thread wants from the ledger happens in one turn at the desk: take the latch, tell the ledger one thing
with the time it is, let go, carry the orders out. The fast ways of `get` and `put` are such turns too, written out in
place.

Three things may strike in the middle of a turn:

- An exception thrown into the thread (Ctrl-C, a test's time-out): `heal` mends the indexes and sends again what may
  not have reached the crew.
- A signal handler or a finaliser that comes back to the desk from within the same thread. The latch tells it that it
  struck its own turn; it leaves its news to the watch, which brings it as soon as the turn is over.
- A fork: the child throws the desk away and sets up a new one.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from threading import get_ident
from typing import Any, Generic, TypeVar

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Dropped, Job, LimitFound, Order, Refused, Round, Waiter
from pingpool.core.slot import S
from pingpool.core.stats import Stats, snapshot
from pingpool.errors import PoolFull
from pingpool.ground.news import tell_of_dropped, tell_of_limit
from pingpool.threads.clock import Clock
from pingpool.threads.gates import ThreadRound, ThreadWaiter
from pingpool.threads.latch import HELD, Latch, wait_for
from pingpool.threads.watch import Watch

PATIENCE = 10
"""How many further exceptions healing an interrupted turn withstands."""

PATROL = 0.25
"""Seconds after which a thread that waits looks for itself whether somebody dropped a session."""

T = TypeVar("T")


class Desk(Generic[S]):
    """One ledger, and all that it takes to serve it among threads."""

    def __init__(self, name: str, ledger: Ledger[S], clock: Clock) -> None:
        """Set up the desk for a ledger; jobs can be carried out once there is somebody to `send` them to."""
        self.name = name
        self.ledger = ledger
        self.clock = clock
        self.now = clock.now
        self.latch: Latch = {}
        self.watch = Watch(name, clock)
        self.send: Callable[[list[Job]], None] = _nobody
        self._alarm_at = math.inf

    def tell(self, event: Callable[..., Sequence[Order] | None], *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        if not self._take_turn(event, facts):
            self.watch.at(-math.inf, partial(self.tell, event, *facts))

    def look(self, question: Callable[[], T]) -> T:
        """Ask the ledger something between two turns; in mid-turn the answer may be one step off."""
        answers: list[T] = []

        def note(_: float) -> None:
            answers.append(question())

        self._take_turn(note, ())
        return answers[0] if answers else question()

    def _take_turn(self, event: Callable[..., Sequence[Order] | None], facts: tuple[Any, ...]) -> bool:
        """Tell the ledger in a turn of its own; False if this thread was struck in the middle of another one."""
        turn = get_ident()
        try:
            if not wait_for(self.latch, turn):
                return False
            now = self.now()
            orders = event(*facts, now)
            alarm_at = self.ledger.wake_at(now)
            del self.latch[HELD]
            self._set_alarm(alarm_at)
            if orders:
                self.carry_out(orders)
        except PoolFull:
            raise
        except BaseException:
            self.heal(turn)
            raise
        return True

    @property
    def is_staffed(self) -> bool:
        """Is there somebody to send jobs to?"""
        return self.send is not _nobody

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
                self.watch.at(-math.inf, partial(tell_of_dropped, self.name, order))
            elif isinstance(order, LimitFound):
                self.watch.at(-math.inf, partial(tell_of_limit, self.name, order))
            elif isinstance(order, Refused):
                raise order.error

    def heal(self, turn: int) -> None:
        """Mend what an exception in this turn, or on the way out of it, may have left; also if it comes again."""
        last: BaseException | None = None
        for _ in range(PATIENCE):
            try:
                self._mend(turn)
                break
            except BaseException as again:
                last = again
        if last is not None:
            raise last

    def _mend(self, turn: int) -> None:
        if wait_for(self.latch, turn):  # at once, if the turn holds it still
            self._alarm_at = math.inf
            now = self.now()
            orders = self.ledger.heal() + self.ledger.tick(now)
            alarm_at = self.ledger.wake_at(now)
            del self.latch[HELD]
            self._set_alarm(alarm_at)
            self.carry_out(orders)

    def wait(self, answer: ThreadWaiter | ThreadRound, until: float) -> None:
        """Wait until the answer is there, but no longer than `until`."""
        while not answer.is_over and (left := until - self.now()) > 0:
            if not self.clock.wait(answer.gate, min(left, PATROL)) and self.ledger.collected:
                self.tell(self.ledger.tick)

    def start(self, job: Job) -> bool:
        """Return whether the job is still to be done, and by this thread."""
        return self.look(partial(self.ledger.start, job))

    def snapshot(self) -> Stats:
        """Take a picture of the ledger between two turns."""
        return self.look(partial(snapshot, self.ledger))

    def _set_alarm(self, when: float) -> None:
        """Have the ledger ticked when the pause ends that holds something back."""
        if when < self._alarm_at:
            self._alarm_at = when  # first: the watch may call before it has returned
            self.watch.at(when, self._tick)

    def _tick(self) -> None:
        self._alarm_at = math.inf
        self.tell(self.ledger.tick)


def _nobody(jobs: list[Job]) -> None:
    """Nobody is there to do jobs: an unbound pool orders none."""
    raise AssertionError(f"{len(jobs)} jobs were ordered by a ledger that nobody asked to fill")
