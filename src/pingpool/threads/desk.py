"""The desk of threads: one turn at a time, under a latch.

A turn: take the latch, tell the ledger one thing with the time it is, let go, carry the orders out. The fast ways of
`get` and `put` are such turns too, written out in place.

Three things may strike in the middle of a turn:

- An exception thrown into the thread (Ctrl-C, a test's time-out): `heal` mends the indexes and sends again what may
  not have reached the workers. Each turn calls it itself, and once more if a second exception came before its first
  step: whatever would do that for all of them could be struck before its own. If a third one comes before that too,
  whoever waits for the latch does it (`take_over`).
- A signal handler or a finaliser that comes back to the desk from within the same thread. The latch tells it that it
  interrupted its own turn; its event goes to the timers' thread, which brings it as soon as the turn is over.
- A fork: the child throws the desk away and sets up a new one.
"""

import math
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from threading import get_ident
from typing import Any, TypeVar

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Round, Waiter
from pingpool.core.slot import S
from pingpool.core.uses import Use
from pingpool.errors import PoolClosed, PoolFull
from pingpool.pool.sentinel import Sentinel
from pingpool.pool.world import PATROL, Desk, Event
from pingpool.text import escaped
from pingpool.threads.clock import Clock
from pingpool.threads.exit import process_is_ending
from pingpool.threads.gates import ThreadRound, ThreadWaiter
from pingpool.threads.latch import HELD, Latch, wait_for
from pingpool.threads.own import OwnThreads
from pingpool.threads.sentinel import SENTINEL
from pingpool.threads.timers import Timers

STILL = 0.5
"""Seconds without a checkout after which a thread that waits counts as stuck, when the process is ending."""

FURTHER = 10
"""How many further exceptions the healing of an interrupted turn withstands."""

T = TypeVar("T")


class ThreadDesk(Desk[S]):
    """One ledger, and all that it takes to serve it among threads."""

    def __init__(self, name: str, ledger: Ledger[S], clock: Clock, own_threads: OwnThreads) -> None:
        """`own_threads` are the threads of the pool, also those of a desk that it had before."""
        super().__init__(name, ledger)
        self.own_threads = own_threads
        self.clock = clock
        self.now = clock.now
        self.latch: Latch = {}
        self.timers = Timers(name, clock, own_threads)
        self.dismiss: Callable[[], None] = _nobody_to_dismiss
        self._alarm_at = math.inf
        self._waiting: dict[ThreadWaiter | ThreadRound, None] = {}
        self._looks_at = -math.inf

    def end(self) -> Round:
        """Have the pool closed; its threads go as soon as they have nothing to do."""
        round = super().end()
        self.dismiss()
        self.timers.dismiss()
        self.timers.forget(self._look_around)
        self.timers.forget(self._tick)  # a closed pool makes nothing that would have to wait for the end of a pause
        return round

    # Turns.

    def tell(self, event: Event, *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        if not self._take_turn(event, facts):
            self.timers.soon(partial(self.tell, event, *facts))

    def look(self, question: Callable[[], T]) -> T:
        """Ask the ledger something between two turns; in mid-turn the answer may be one step off."""
        answers: list[T] = []

        def note(_: float) -> None:
            answers.append(question())

        self._take_turn(note, ())
        return answers[0] if answers else question()

    def is_home(self) -> bool:
        """Any thread may take turns here."""
        return True

    def _take_turn(self, event: Event, facts: tuple[Any, ...]) -> bool:
        """Tell the ledger in a turn of its own; False if this thread was interrupted in the middle of another one."""
        turn = get_ident()
        try:
            if not wait_for(self.latch, turn, self.take_over):
                return False
            now = self.now()
            orders = event(*facts, now)
            self.note_recovery(now)
            alarm_at = self.ledger.wake_at(now)
            del self.latch[HELD]
            self._set_alarm(alarm_at)
            if orders or self.telling.has_news:
                self.carry_out(orders or [])
        except PoolFull:
            raise
        except BaseException:
            try:
                self.heal(turn)
            except BaseException:  # a second one came before its first step
                self.heal(turn)
            raise
        return True

    def heal(self, turn: int) -> None:
        """Mend what an exception in this turn, or on the way out of it, may have left; also if it comes again."""
        last: BaseException | None = None
        for _ in range(FURTHER):
            try:
                self._mend(turn)
                break
            except BaseException as again:
                last = again
        if last is not None:
            raise last

    def take_over(self, holder: int) -> None:
        """Mend what a turn has left that was broken off, however often it tried to mend that itself."""
        latch, turn = self.latch, get_ident()
        try:
            if latch[HELD] is not holder:
                return
            latch[HELD] = turn  # there was no call since the look: nobody comes in between
        except KeyError:  # somebody else was here first, and is through
            return
        self.heal(turn)

    def _mend(self, turn: int) -> None:
        if wait_for(self.latch, turn, self.take_over):  # at once, if the turn holds it still
            self._alarm_at = math.inf
            now = self.now()
            orders = self.ledger.heal() + self.ledger.tick(now)
            alarm_at = self.ledger.wake_at(now)
            del self.latch[HELD]
            self._set_alarm(alarm_at)
            self.carry_out(orders)

    def _set_alarm(self, when: float) -> None:
        """Have the ledger ticked when the pause ends that holds something back."""
        if when < self._alarm_at:
            self._alarm_at = when  # first: the timer may call before this has returned
            self.timers.at(when, self._tick)

    def _tick(self) -> None:
        self._alarm_at = math.inf
        self.tell(self.ledger.tick)

    # Hang-ups.

    def enlist_sentinel(self) -> Sentinel | None:
        """Return the sentinel of the process."""
        return SENTINEL.enlist(self)

    def discharge_sentinel(self) -> None:
        """Let it go; if it was here for this desk alone, `close` waits for its thread, too."""
        thread = SENTINEL.discharge(self)
        if thread is not None:
            self.own_threads.know(thread)

    # Waiting, and what is said.

    def waiter(self, asked: Use) -> Waiter:
        """Return a thread in line."""
        return ThreadWaiter(asked)

    def names(self, holders: Collection[int]) -> Mapping[int, str]:
        """Return the names of these threads, as far as they live."""
        alive = {thread.ident: thread.name for thread in threading.enumerate()}
        return {holder: escaped(alive[holder]) for holder in holders if holder in alive}

    def round(self) -> Round:
        """Return a round of jobs that a thread may wait for."""
        return ThreadRound()

    async def wait(self, answer: Waiter | Round, until: float) -> None:
        """Block until the answer is there, but no longer than `until`."""
        assert isinstance(answer, ThreadWaiter | ThreadRound)
        progress = self._progress()
        self._waiting[answer] = None
        try:
            while not answer.is_over:
                if self.now() >= until:
                    break
                if not self.clock.wait(answer.gate, min(until, self._patrols_at())):
                    self._patrol()
                    if process_is_ending() and not self.ledger.closed and next(progress) > STILL:
                        raise PoolClosed(f"{self.name}: the process is ending, and waits for this thread")
        finally:
            self._waiting.pop(answer, None)

    def _patrols_at(self) -> float:
        """Return until when a thread may wait before it looks around: for ever, if the timers do so for all."""
        now = self.now()
        if self.ledger.closed or process_is_ending():
            return now + PATROL
        if self._looks_at <= now:
            self.timers.at(now + PATROL, self._look_around)
            self._looks_at = now + PATROL
        return now + PATROL if self.timers.are_stranded else math.inf

    def _look_around(self) -> None:
        """Patrol for all who wait; wake those whose answer was written and not told, and at the very end all."""
        now = self.now()
        if self._looks_at > now:
            return
        waiting = self._waiting.copy()
        if waiting:
            self.timers.at(now + PATROL, self._look_around)
            self._looks_at = now + PATROL
            self._patrol()
            for answer in waiting:
                if answer.is_over or process_is_ending():
                    answer.wake()

    def _progress(self) -> Iterator[float]:
        """Yield for how many seconds no session has been handed to anybody: in a pool that works nobody is stuck."""
        lent, since = -1, self.now()
        while True:
            if (now_lent := self.ledger.checkouts) != lent:
                lent, since = now_lent, self.now()
            yield self.now() - since

    def _patrol(self) -> None:
        """See to what nobody else may see to: dropped sessions, turns that were broken off, timers without a thread."""
        if self.ledger.places.lent.may_have_dropped or self.latch:
            self.tell(self.ledger.tick)
        self.timers.rescue()

    def inform(self) -> None:
        """Tell it from the timers' thread: this one may be in a finaliser, or inside a log handler of its own."""
        self.timers.soon(self.telling.tell_all)


def _nobody_to_dismiss() -> None:
    """Nobody works for a pool that is not bound."""
