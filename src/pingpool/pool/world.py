"""What a world brings, threads or asyncio: turns at a ledger, a way to wait, workers.

Everything somebody wants from the ledger happens in one turn at its desk: tell the ledger one thing with the time it
is, then carry out what follows. A caller suspends in `Desk.wait` and nowhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Dropped, Job, LimitFound, Order, Refused, Round, Waiter
from pingpool.core.slot import S, Slot
from pingpool.core.stats import Stats, snapshot
from pingpool.core.told import Recovered, Reset, Told
from pingpool.core.uses import Use
from pingpool.errors import PoolError
from pingpool.pool.keeper import Keeper
from pingpool.pool.sentinel import Sentinel, Watch
from pingpool.pool.telling import Telling

T = TypeVar("T")

PATROL = 0.25
"""Seconds after which somebody who waits looks around: for sessions that were dropped, for timers without a thread."""

WHO_WAITS: Final = (Waiter, Round)
NEWS: Final = (Dropped, LimitFound)
"""Kinds of orders. (`Waiter | Round` would be built anew at each look.)"""

Event = Callable[..., list[Order] | None]
"""A method of the ledger; it takes some facts and the time, and returns what is to be done."""


class Desk(ABC, Generic[S]):
    """Where one ledger lies, and from where its orders go out."""

    now: Callable[[], float]
    """The time in seconds, from whatever beginning."""
    sentinel: Sentinel | None = None
    """Who hears of hang-ups for this desk; None while nobody has been asked to, or where nobody can."""

    def __init__(self, name: str, ledger: Ledger[S]) -> None:
        """Set the desk up for the pool of that name; jobs can be done once there is somebody to `send` them to."""
        self.name = name
        self.ledger = ledger
        self.send: Callable[[list[Job]], None] = _nobody
        self.telling = Telling(name, ledger.size)
        ledger.places.hear = self.telling.hear
        self.keeper: Keeper | None = None
        self.watched: dict[int, Watch] = {}
        self.bugs_told: set[tuple[str, type[BaseException]]] = set()
        self._suspected_at = ledger.suspected_at

    @property
    def is_staffed(self) -> bool:
        """Is there somebody to send jobs to?"""
        return self.send is not _nobody

    @abstractmethod
    def tell(self, event: Event, *facts: Any) -> None:
        """Tell the ledger in a turn of its own what happened, and carry out what follows from it."""

    @abstractmethod
    def look(self, question: Callable[[], T]) -> T:
        """Ask the ledger something between two turns."""

    @abstractmethod
    def inform(self) -> None:
        """See that what was heard is told, outside a turn."""

    @abstractmethod
    def waiter(self, asked: Use) -> Waiter:
        """Return a caller in line, as this world wakes one."""

    @abstractmethod
    def names(self, holders: Collection[int]) -> Mapping[int, str]:
        """Return the names of these holders, as far as they are known."""

    @abstractmethod
    def round(self) -> Round:
        """Return a round of jobs, as this world wakes whoever waits for it."""

    @abstractmethod
    async def wait(self, answer: Waiter | Round, until: float) -> None:
        """Wait until the answer is there, but no longer than `until`."""

    def end(self) -> Round:
        """Have the pool closed, and let nobody linger who worked for it."""
        round = self.round()
        self.tell(self.ledger.close, round)
        self._dismiss_sentinel()
        return round

    # Hang-ups.

    @abstractmethod
    def enlist_sentinel(self) -> Sentinel | None:
        """Return who hears of hang-ups in this world, at work for this desk too; None where nobody can."""

    @abstractmethod
    def discharge_sentinel(self) -> None:
        """Nobody need hear of hang-ups for this desk any more."""

    def see_to_sentinel(self) -> Sentinel | None:
        """See that somebody hears of hang-ups for this desk; None where nobody can, or need any more."""
        self.sentinel = self.enlist_sentinel()
        if self.ledger.closed:  # since just now, perhaps
            self._dismiss_sentinel()
        return self.sentinel

    def _dismiss_sentinel(self) -> None:
        self.discharge_sentinel()
        self.sentinel = None

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        """Hear that the other side has hung up on the session that has this reference, in this slot."""
        self.tell(self.ledger.hung_up, slot, reference)

    @abstractmethod
    def is_home(self) -> bool:
        """May whoever calls now take turns here?"""

    def at_home(self, call: Callable[[], object]) -> None:
        """Make a call where turns may be taken: at once if that is here."""
        if self.is_home():
            call()

    def snapshot(self) -> Stats:
        """Take a picture of the ledger between two turns."""
        return self.look(partial(snapshot, self.ledger))

    def native(self, error: PoolError) -> PoolError:
        """Return the error as callers in this world expect it."""
        return error

    def carry_out(self, orders: list[Order]) -> None:
        """Send the jobs to the workers, wake those who are to be woken, and say what is to be said.

        The keeper is woken if somebody died in use: he has the others proven.
        """
        refusals = [order.error for order in orders if isinstance(order, Refused)]
        if refusals:
            orders.clear()  # an error that its own frames hold would keep the session alive, too
            raise self.native(refusals.pop())
        jobs = [order for order in orders if isinstance(order, Job)]
        if jobs:
            self.send(jobs)
        for order in orders:
            if isinstance(order, WHO_WAITS):
                order.wake()
        if self._suspected_at < self.ledger.suspected_at:
            self._suspected_at = self.ledger.suspected_at
            self.wake_keeper()
        for order in orders:
            if isinstance(order, NEWS):
                self.telling.hear(order)
        if self.telling.has_news:
            self.inform()

    def wake_keeper(self) -> None:
        """Have the keeper look now, if there is one: something happened that may have made sessions due."""
        if self.keeper is not None:
            self.keeper.wake()

    # What happened.

    def note(self, event: Told) -> None:
        """Note what happened outside the ledger, and see that it is told."""
        self.telling.hear(event)
        self.inform()

    def note_reset(self) -> None:
        """Note that what a holder had left in a session was undone."""
        self.tell(self.ledger.places.tally.note_reset)
        if self.telling.is_observed:
            self.note(Reset(self.now()))

    def note_recovery(self, now: float) -> None:
        """Note, within a turn, that all is well again, if it is so since this turn."""
        if self.telling.is_troubled and self.ledger.serving.is_whole:
            self.telling.hear(Recovered(now))


class Call(Protocol):
    """Jobs that one call to the database does, as workers see it: see `pool.work.Call`."""

    jobs: list[Job]
    """Those that have not been reported yet; empty once the call is over."""
    began_at: float | None
    """Since when the database has been asked; None while the call is in the queue."""
    deadline: Any
    """What will look after the call; the workers' own."""
    name: str
    """What the call does, for logs and debuggers."""
    preparing: Any
    """The new session that is being configured, or reset; None if none is."""

    async def run(self) -> BaseException | None:
        """Do what is still wanted; return the error that ended it, if any. Every job is reported, whatever happens."""
        ...

    def overran(self) -> list[Job]:
        """Report that it takes too long; return the jobs that were still on the books."""
        ...

    def fail(self, error: Exception) -> bool:
        """Report that nobody can be had to do it; False if it has to be done all the same, later."""
        ...


class Workers(Protocol):
    """Those who do the pool's calls, side by side, so that no caller ever waits for the network.

    A call that takes longer than `io_timeout` is told so (`overran`), and its worker or its place is freed if it can.
    """

    def take(self, call: Call) -> None:
        """Have this done soon."""
        ...

    def began(self, call: Call) -> None:
        """Count the time that the call takes from now on."""
        ...

    def heed(self, error: BaseException) -> None:
        """Hear of an error before it is reported: it may mean that the worker itself is to end."""
        ...


def _nobody(jobs: list[Job]) -> None:
    """Nobody is there to do jobs: an unbound pool orders none."""
    raise AssertionError(f"{len(jobs)} jobs were ordered by a ledger that nobody asked to fill")
