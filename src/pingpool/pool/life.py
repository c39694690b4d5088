"""The life of a pool, in any world: its options, its database, its keeper, its end, and a fork; see also `beginning`.

Written once, as `lending` is: what waits is a coroutine here, which threads run by `at_once`.
"""

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from pingpool.clock import jitter
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Round
from pingpool.core.slot import S, Slot
from pingpool.core.stats import Stats
from pingpool.core.told import Closed
from pingpool.core.uses import Use
from pingpool.database import AsyncDatabase, Database
from pingpool.errors import PoolClosed
from pingpool.options import Options, seconds
from pingpool.pool.bugs import Bugs
from pingpool.pool.forks import in_every_child
from pingpool.pool.holders import Holder
from pingpool.pool.hooks import overrides
from pingpool.pool.lending import Lending
from pingpool.pool.log import log
from pingpool.pool.world import Desk

D = TypeVar("D", bound=Desk[Any])


class Life(Generic[S, D]):
    """A fixed number of sessions, from `bind` to `close`."""

    _kind: ClassVar[type[Database[Any]] | type[AsyncDatabase[Any]]]
    """What this world takes for a database."""
    _clock: Any = None
    """Where the time comes from, if not from the world: see `equip`."""
    _slots: Callable[[], Slot] | None = None
    """What makes the slots, if not the ledger: see `equip`."""

    _has_to_be_closed = True
    """Is it a mistake to drop a pool of this class that is open?"""

    _desk: D
    _lending: Lending[S]

    def _begin(self, options: Options) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`."""
        self._options = options
        self._database: Any = None
        self._is_bound = False
        self._set_up()
        in_every_child(self, type(self)._start_anew)

    # What a world adds.

    @abstractmethod
    def _new_desk(self, ledger: Ledger[S]) -> D:
        """Return a desk of this world for a ledger."""

    @abstractmethod
    def _staff(self, database: Any) -> None:
        """Give the desk workers that work on the database."""

    @abstractmethod
    def _start_keeper(self) -> None:
        """Start the keeper, if there is none at work and this is the place for it."""

    @abstractmethod
    def _hint_for(self, database: Any) -> str:
        """Say what to do with what is no database of this world."""

    def _see_off(self, until: float) -> None:
        """Wait for the end of those who work for a closed pool, no longer than `until`; nowhere but among threads."""

    def _come_in(self) -> D:
        """Return the desk, to somebody who may wait there."""
        return self._desk

    # What can be read.

    @property
    def name(self) -> str:
        """What the pool is called in threads, tasks, logs and errors."""
        return self._options.name

    @property
    def size(self) -> int:
        """How many sessions the pool holds."""
        return self._options.size

    @property
    def default_timeout(self) -> float | None:
        """How many seconds `get()` waits for a session; None waits for ever."""
        return self._options.default_timeout

    @property
    def ping_interval(self) -> float:
        """After how many idle seconds a session is proven before it is lent; with "auto" as learned so far."""
        return self._desk.ledger.interval

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the pool's sessions."""
        return self._options.labels

    @property
    def closed(self) -> bool:
        """Has the pool been closed?"""
        return self._desk.ledger.closed

    def stats(self) -> Stats:
        """Return a snapshot of the pool."""
        desk = self._desk
        if desk.is_home():
            desk.tell(desk.ledger.tick)
        return desk.snapshot()

    def holders(self) -> list[Holder]:
        """Return the places in the code that hold sessions, those that hold the most first. Never waits."""
        return self._lending.holders()

    def __repr__(self) -> str:
        """Say what the pool is doing."""
        if not hasattr(self, "_lending"):  # its options were refused
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {self.name}: {self._desk.snapshot()}>"

    # Keeping alive.

    def _begin_ping(self) -> Round:
        """Have what is due proven by the workers, and wait for nothing."""
        desk = self._come_in()
        round = desk.round()
        desk.tell(desk.ledger.ping, round)
        return round

    async def _ping(self) -> int:
        round = self._begin_ping()
        await self._desk.wait(round, math.inf)
        return round.proved

    async def _check(self, timeout: float | None, asked: Use) -> float:
        timeout = self.default_timeout if timeout is None else seconds("timeout", timeout)
        if timeout == 0:
            raise ValueError(
                "check: a proof takes a round trip, so nothing is proven in 0 seconds: write check(1), say"
            )
        self._come_in()
        self._resume()
        return await self._lending.check(math.inf if timeout is None else timeout, asked)

    def _keep(self) -> float | None:
        """Have proven what is due, and return when to look again; None once the pool is closed: see `keeper`."""
        if self.closed:
            return None
        try:
            self._begin_ping()
        except Exception:  # a keeper that dies of an error would be worse than any error
            log(self.name).exception("%s: a round of pings failed", self.name)
        return self._next_look_at()

    def _next_look_at(self) -> float:
        """Return when to look again, even if nothing will be due by then."""
        desk = self._desk
        return desk.look(lambda: desk.ledger.next_look_at(desk.now()))

    def _keep_alive(self) -> None:
        """Have a keeper from now on."""
        if not self.ping_interval:
            raise ValueError(f"{self.name}: a ping_interval of 0 means a check at each checkout; nothing to keep alive")
        if self.closed:
            raise PoolClosed(f"{self.name}: the pool is closed; there is nothing to keep alive")
        self._desk.look(self._desk.ledger.keep)
        self._start_keeper()

    def _resume(self) -> None:
        """See that the keeper is at work, if there is to be one: a fork, or the end of a loop, leaves none."""
        if self._desk.ledger.kept and not self.closed:
            self._start_keeper()

    async def _renew(self, timeout: float | None) -> bool:
        """Have every session replaced that is open now, and see for so many seconds whether that has been done."""
        patience = math.inf if timeout is None else seconds("timeout", timeout)
        desk = self._come_in()
        round = desk.round()
        until = desk.now() + patience
        desk.tell(desk.ledger.renew)
        try:
            desk.tell(desk.ledger.await_renewal, round)
            await desk.wait(round, until)
        finally:
            desk.tell(desk.ledger.forgo, round)
        return round.is_over

    # End.

    async def _clear(self) -> None:
        desk = self._come_in()
        round = desk.round()
        desk.tell(desk.ledger.clear, round)
        await desk.wait(round, math.inf)

    async def _close(self, timeout: float) -> None:
        seconds("timeout", timeout)
        desk = self._come_in()
        until = desk.now() + timeout
        if desk.keeper is not None:
            desk.keeper.stop()
        if not self.closed:
            desk.note(Closed(desk.now()))
        await desk.wait(desk.end(), until)
        if desk.ledger.places.left:  # what could not be ended at once is tried once more
            await desk.wait(desk.end(), until)
        self._see_off(until)

    def __del__(self) -> None:
        """Close a pool that nobody can reach any more, without waiting: the workers end its sessions."""
        desk = getattr(self, "_desk", None)
        if desk is not None and desk.ledger.filling and not desk.ledger.closed:
            if self._has_to_be_closed:
                warnings.warn(f"{self.name} was dropped without being closed", ResourceWarning, stacklevel=1)
            desk.at_home(desk.end)
        elif desk is not None and desk.sentinel is not None:
            desk.at_home(desk.discharge_sentinel)  # it was cleared, so that nobody had to close it

    # Another process, another database.

    def _start_anew(self) -> list[Any]:
        """Forget every session without touching it, and return all that holds one; called in a forked child."""
        elder = self._desk.ledger
        old = [self._desk, self._lending, *(slot.ref() for slot in elder.lent.values())]
        self._set_up()
        if self._is_bound:
            self._move_to(self._database)
        else:  # the fork came in the middle of a bind
            self._database = None
        self._desk.ledger.inherit(elder, is_bound=self._is_bound)
        return old

    def _set_up(self) -> None:
        """Set up a desk with an empty ledger, and nobody at work there."""
        options = self._options
        self._desk = self._new_desk(
            Ledger(
                options.size,
                interval=options.ping_interval,
                jitter=jitter,
                lifetime=options.max_lifetime,
                max_waiters=options.max_waiters,
                slots=self._slots,
            )
        )
        if options.observer is not None:
            self._desk.telling.observe(options.observer, Bugs(self._desk).tell_of_observer)
        self._lending = Lending(self._desk, None, options.default_timeout)

    def _move_to(self, database: Any) -> None:
        """Give the desk workers for the database; what others did for another one has no place here."""
        if self._desk.is_staffed:
            old = self._desk
            self._set_up()
            self._desk.keeper = old.keeper
            if old.ledger.kept:
                self._desk.look(self._desk.ledger.keep)
            old.end()
            self._come_in()
        if overrides(database, "expires_in"):
            self._desk.look(self._desk.ledger.places.make_room_for_dates)
        self._database = database
        self._lending = Lending(self._desk, database, self._options.default_timeout)
        self._staff(database)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be copied or pickled: a session has one pool, and a pool one process."""
        raise TypeError(f"{self.name} cannot be copied or pickled: share the pool itself, or open one in each process")

    def _equip(self, clock: Any, slots: Callable[[], Slot] | None) -> None:
        if self._desk.is_staffed or self._desk.ledger.kept or self.closed:
            raise ValueError(f"{self.name} is in use: only a new pool takes another clock, or other slots")
        self._clock, self._slots = clock or self._clock, slots or self._slots
        self._set_up()


P = TypeVar("P", bound=Life[Any, Any])


def equip(pool: P, *, clock: Any = None, slots: Callable[[], Slot] | None = None) -> P:
    """Give a pool that was never bound another clock, as tests do, or slots that keep a diary, as timelines do."""
    pool._equip(clock, slots)  # pyright: ignore[reportPrivateUsage] (a door for tests and timelines alone)
    return pool
