"""The desk of asyncio: one turn at a time, because there is no `await` in one.

Turns never mix, so nothing has to be locked; and since every turn is complete before anybody can be cancelled, a cancel
finds each session with exactly one owner. Only an exception thrown into the middle of a turn (a Ctrl-C that no
`asyncio.run` took) may tear one apart: `heal` mends the indexes and sends again what may not have reached the workers.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from contextvars import Context
from threading import get_ident
from typing import Any, TypeVar

from pingpool.aio.clock import Clock, LoopClock
from pingpool.aio.deadlines import Deadlines
from pingpool.aio.errors import as_in_asyncio
from pingpool.aio.frames import frames_of
from pingpool.aio.gates import AsyncRound, AsyncWaiter
from pingpool.aio.sentinel import SENTINELS
from pingpool.aio.sweeps import Sweeps
from pingpool.aio.timer import PoolTimer
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Round, Waiter
from pingpool.core.slot import S
from pingpool.core.uses import Use
from pingpool.errors import PoolError, PoolFull, WrongLoop
from pingpool.pool.sentinel import Sentinel
from pingpool.pool.world import PATROL, Desk, Event
from pingpool.text import escaped

T = TypeVar("T")


class LoopDesk(Desk[S]):
    """One ledger, and all that it takes to serve it in one event loop."""

    loop: asyncio.AbstractEventLoop | None = None
    clock: Clock
    timer: PoolTimer

    def __init__(self, name: str, ledger: Ledger[S], clock: Clock | None, resume: Callable[[], None]) -> None:
        """Its loop is the first in which the desk is used, and brings the clock if none is given.

        `resume`, a bound method of the pool, has it go to work again after its tasks were swept up.
        """
        super().__init__(name, ledger)
        self.is_running: Callable[[], bool] = _nowhere
        self.thread = 0
        self.now = _no_time
        self.expire: Callable[[float], float] = _nothing_expires
        self._given_clock = clock
        self._sweeps = Sweeps(resume)
        self._deadlines = Deadlines()

    # Where it stands.

    def settle_in(self) -> None:
        """Make the running loop the desk's own.

        Raises:
            WrongLoop: it has one already, and this is another.
            RuntimeError: no loop is running.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise RuntimeError(f"{self.name} needs asyncio: no event loop of asyncio runs here") from error
        if self.loop is None:
            self.loop = loop
            self.is_running = loop.is_running
            self.clock = self._given_clock or LoopClock(loop)
            self.now = self.clock.now
            self.timer = PoolTimer(self.clock, self._look_around)
        elif self.loop is not loop:
            why = "which is closed: make a new pool in this one" if self.is_stranded() else "not to this one"
            raise WrongLoop(f"{self.name} and its sessions belong to the event loop they were first used in, {why}")
        self.thread = get_ident()

    def is_stranded(self) -> bool:
        """Is the desk's own loop closed, so that nothing can be awaited there any more?"""
        return self.loop is not None and self.loop.is_closed()

    def is_home(self) -> bool:
        """Is this the desk's own loop? (`asyncio.get_running_loop` is a system call on Python 3.11.)"""
        return self.is_running() and get_ident() == self.thread

    def at_home(self, call: Callable[[], object]) -> None:
        """Make a call in the desk's own loop: at once, or soon if another thread is here; not if that has ended."""
        if self.is_home():
            call()
        elif self.loop is not None and self.is_running():
            with suppress(RuntimeError):  # it is closed by now
                self.loop.call_soon_threadsafe(call, context=Context())

    def is_left_behind(self, error: BaseException | None) -> bool:
        """Does this end a coroutine that the loop was closed over? Nothing is left to go back to, or to tell."""
        return isinstance(error, GeneratorExit) and not self.is_home()

    # Turns.

    def tell(self, event: Event, *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        try:
            now = self.now()
            orders = event(*facts, now)
            self.note_recovery(now)
            if orders or self.telling.has_news:
                self.carry_out(orders or [])
            self._set_alarm(now)
        except PoolFull:
            raise
        except BaseException:
            self.heal()
            raise

    def look(self, question: Callable[[], T]) -> T:
        """Ask the ledger something: whoever runs in the loop is between two turns."""
        return question()

    def heal(self) -> None:
        """Mend what an exception in the middle of a turn left behind; harmless where it left nothing."""
        now = self.now()
        self.carry_out(self.ledger.heal() + self.ledger.tick(now))
        self._set_alarm(now)

    def _set_alarm(self, now: float) -> None:
        """Have the ledger ticked when the pause ends that holds something back."""
        wake_at = self.ledger.wake_at(now)
        if wake_at < math.inf and self.is_home():
            self.timer.by(wake_at)

    # Hang-ups.

    def enlist_sentinel(self) -> Sentinel | None:
        """Return the sentinel of the loop."""
        return SENTINELS.enlist(self.loop, self) if self.loop is not None else None

    def discharge_sentinel(self) -> None:
        """Let it go."""
        if self.loop is not None:
            SENTINELS.discharge(self.loop, self)

    # Waiting, and what is said. Whoever is cancelled here has either been answered by then or not: the ledger knows.

    def waiter(self, asked: Use) -> Waiter:
        """Return a task in line."""
        return AsyncWaiter(asked)

    def names(self, holders: Collection[int]) -> Mapping[int, str]:
        """Return the names of the tasks in whose frames these sessions were got, as far as those frames live.

        (To ask at each `get` which task runs would cost more than all that is noted there.)
        """
        tasks = asyncio.all_tasks(self.loop) if self.is_home() else ()
        names = {frame: task.get_name() for task in tasks for frame in frames_of(task)}
        return {holder: escaped(names[holder]) for holder in holders if holder in names}

    def round(self) -> Round:
        """Return a round of jobs that a task may wait for."""
        return AsyncRound()

    async def wait(self, answer: Waiter | Round, until: float) -> None:
        """Wait until the answer is there, but no longer than `until`."""
        assert isinstance(answer, AsyncWaiter | AsyncRound)
        assert self.loop is not None
        answer.until = until
        if not answer.is_over:
            self._deadlines.enter(answer)
            self.timer.by(min(until, self.now() + PATROL))
        while not answer.is_over and self.now() < until:
            answer.gate = self.loop.create_future()
            await answer.gate

    def _look_around(self) -> float:
        """See whose time is up; return when to look again."""
        now = self.now()
        again = min(self.expire(now), self._sweeps.look(now))
        self._deadlines.wake_due(now)
        self.tell(self.ledger.tick)
        next_at = self._deadlines.next_at()
        return again if next_at is None else min(again, next_at, now + PATROL)

    def was_swept(self) -> None:
        """Hear that a task of the pool was cancelled by somebody else; it may be the end of the loop."""
        self.timer.by(self._sweeps.was_swept(self.now()))

    def inform(self) -> None:
        """Tell it at once."""
        self.telling.tell_all()

    def native(self, error: PoolError) -> PoolError:
        """Return the error as callers of asyncio's queues expect it."""
        return as_in_asyncio(error)


def _nowhere() -> bool:
    """Say that no loop is running: there is none yet."""
    return False


def _no_time() -> float:
    """Tell no time: only a loop brings it."""
    return -math.inf


def _nothing_expires(now: float) -> float:
    """Say that no call has a deadline."""
    return math.inf
