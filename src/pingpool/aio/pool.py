"""The pool for asyncio as a whole: its options, its database, its keeper, its beginning and its end."""

import math
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from pingpool.aio.clock import Clock
from pingpool.aio.crew import Crew
from pingpool.aio.desk import Desk
from pingpool.aio.gates import AsyncRound
from pingpool.aio.keeper import Keeper
from pingpool.aio.lending import Lending
from pingpool.aio.work import Work
from pingpool.core.ledger import Ledger
from pingpool.core.slot import S, Slot
from pingpool.core.stats import Stats, snapshot
from pingpool.database import AsyncDatabase
from pingpool.errors import BoundElsewhere, CannotFill, PoolClosed
from pingpool.ground.forks import enrol
from pingpool.ground.questions import overrides
from pingpool.options import Interval, Options, PoolOptions, jitter, next_name, seconds


class AsyncPoolOptions(PoolOptions, total=False):
    """What `open_async` takes besides: see `AsyncPingingPool`."""

    clock: Clock | None
    slots: Callable[[], Slot] | None


class AsyncPingingPool(Lending[S]):
    """A fixed number of sessions, kept alive; the least recently used is lent first.

    All times are seconds. A pool is an asynchronous context manager that closes itself. It may be made anywhere; the
    event loop it is first used in becomes its own.

    Args:
        size: how many sessions the pool holds.
        default_timeout: how long `get()` waits for a session; None waits for ever.
        ping_interval: a session that was not used or pinged for so long is proven before it is lent; with 0, always.
            "auto" starts with 30 seconds, learns which idle age the path survives, and stays below it.
        labels: strings by which the sessions can be recognised on the server.
        name: what the pool is called in tasks, logs and errors.
        max_lifetime: sessions are replaced at this age, each up to a tenth earlier so that they do not all go together.
        max_waiters: so many callers may wait at a time; one more is refused at once.
        io_timeout: how long one call to the database may take before its session is given up.
        workers: how many calls to the database may run side by side; if not given, as many as there are sessions.
        clock: where the time comes from, if not from the event loop; tests bring one that is told.
        slots: makes the slots; for timelines, whose slots keep a diary (`pingpool.telemetry.timeline`).

    Raises:
        TypeError: an option is of the wrong kind.
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: Interval = 3000,
        labels: Mapping[str, str] | None = None,
        *,
        name: str | None = None,
        max_lifetime: float = math.inf,
        max_waiters: float = math.inf,
        io_timeout: float = 10,
        workers: int | None = None,
        clock: Clock | None = None,
        slots: Callable[[], Slot] | None = None,
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`."""
        super().__init__(labels)
        self._options = Options(
            size=size,
            default_timeout=default_timeout,
            ping_interval=ping_interval,
            max_lifetime=max_lifetime,
            max_waiters=max_waiters,
            io_timeout=io_timeout,
            workers=size if workers is None else workers,
            name=next_name() if name is None else name,
        ).check()
        self._clock = clock
        self._slots = slots
        self._keeper: Keeper | None = None
        self._crew: Crew | None = None
        self._is_bound = False
        self._desk = self._new_desk()
        enrol(self)

    @property
    def name(self) -> str:
        """What the pool is called in tasks, logs and errors."""
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

    # Keeping alive.

    async def ping(self) -> int:
        """Prove every idle session that is due, each once, side by side; replace those that are gone.

        Returns how many proved alive. Never raises for a session's failure and always ends: each check within
        `io_timeout`. Whoever is cancelled here leaves the checks to the crew.
        """
        round = self.begin_ping()
        await self._desk.wait(round, math.inf)
        return round.proved

    def begin_ping(self) -> AsyncRound:
        """Have that done by the crew, and do not wait for it. So the keeper pings, since one ping may hang for long."""
        round = AsyncRound()
        desk = self._come_in()
        desk.tell(desk.ledger.ping, round)
        return round

    def keep_alive(self) -> None:
        """Start the keeper: a task that calls `ping()` whenever something is due, somewhat ahead of time.

        Outside the pool's event loop the keeper waits until the pool is used there.

        Raises:
            PoolClosed: the pool is closed.
            ValueError: `ping_interval` is 0, so that everything is due all the time.
        """
        if not self.ping_interval:
            raise ValueError(f"{self.name}: a ping_interval of 0 means a check at each checkout; nothing to keep alive")
        if self.closed:
            raise PoolClosed(f"{self.name}: the pool is closed; there is nothing to keep alive")
        self._desk.ledger.keep()
        if self._desk.is_home():
            self._resume()

    def next_ping_at(self) -> float:
        """Return when `ping()` will have something to do, in the time of the pool's clock."""
        return self._desk.ledger.next_due()

    def next_look_at(self) -> float:
        """Return when the keeper should look again, even if nothing will be due by then."""
        return self._desk.ledger.next_look_at(self._desk.now())

    # The pool as a whole.

    async def bind(self, database: AsyncDatabase[S]) -> None:
        """Associate the pool with a database and fill it; bound to the same database again, top it up.

        A pool that was empty is empty and unbound again if this fails, or is cancelled; then the crew empties it behind
        the caller's back.

        Raises:
            CannotFill: a session could not be made; the pool may be bound anew.
            BoundElsewhere: the pool is bound to another database.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError: this is no `AsyncDatabase`.
        """
        if not isinstance(database, AsyncDatabase):
            raise TypeError(
                f"bind() takes a pingpool.AsyncDatabase, got {database!r:.200}; pingpool.databases.aio_callables makes "
                "one from coroutine functions, pingpool.databases.aio_threads from a pingpool.Database"
            )
        self._come_in()
        if self.closed:
            raise PoolClosed(f"{self.name}: the pool is closed and cannot be bound")
        if (self._is_bound or self._desk.ledger.filling) and self._database != database:
            raise BoundElsewhere(f"{self.name} is bound to {self._database!r}; make another pool for {database!r}")
        if self._database != database:
            self._move_to(database)
            self._desk.settle_in()
        was_filled = self._desk.ledger.filling
        try:
            await self._fill()
            if self.closed:
                raise PoolClosed(f"{self.name}: the pool was closed while it was filled")
            self._is_bound = True
        except Exception:
            if not was_filled:
                await self.clear()
            raise
        except BaseException:
            if not was_filled:  # the crew ends what it has made; a caller who is cancelled does not wait for that
                self._desk.tell(self._desk.ledger.clear, AsyncRound())
            raise

    async def clear(self) -> None:
        """Delete every session that is not lent, going on past errors; the next `bind` fills the pool again."""
        round = AsyncRound()
        desk = self._come_in()
        desk.tell(desk.ledger.clear, round)
        await desk.wait(round, math.inf)

    async def close(self, timeout: float = 10) -> None:
        """End the pool: waiters are told at once, idle sessions deleted, lent ones deleted when they come back.

        Waits at most `timeout` seconds for that; the rest goes on, also if the caller is cancelled. Closing again does
        no harm.
        """
        seconds("timeout", timeout)
        desk = self._come_in()
        if self._keeper is not None:
            self._keeper.stop()
        round = AsyncRound()
        desk.tell(desk.ledger.close, round)
        until = desk.now() + timeout
        timer = desk.clock.call_at(until, round.wake)
        try:
            await desk.wait(round, until)
        finally:
            timer.cancel()

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

    async def __aenter__(self) -> Self:
        """Use the pool."""
        self._come_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def __repr__(self) -> str:
        """Say what the pool is doing."""
        return f"<{type(self).__name__} {self.name}: {snapshot(self._desk.ledger)}>"

    def __del__(self) -> None:
        """Close a pool that nobody can reach any more, if its loop still runs; then the crew ends the sessions."""
        desk = getattr(self, "_desk", None)
        if desk is not None and desk.ledger.filling and not desk.ledger.closed:
            warnings.warn(f"{self.name} was dropped without being closed", ResourceWarning, stacklevel=1)
            if desk.is_home():
                desk.tell(desk.ledger.close, AsyncRound())

    def start_anew(self) -> list[Any]:
        """Forget every session without touching it, and return them all; called in a forked child."""
        desk, old = self._desk, self._desk.ledger
        inherited = [desk, self._crew, self._keeper, *(slot.ref() for slot in old.lent.values())]
        self._keeper = self._crew = None
        self._desk = self._new_desk()
        if self._is_bound:
            self._move_to(self._database)
        ledger = self._desk.ledger
        ledger.inherit(old, is_bound=self._is_bound)
        return inherited

    # How it is done.

    def _come_in(self) -> Desk[S]:
        """Insist on the pool's own loop, and see that the pool is at work there."""
        self._desk.settle_in()
        self._resume()
        return self._desk

    async def _fill(self) -> None:
        """Fill the pool, or say why that cannot be done."""
        desk, round = self._desk, AsyncRound()
        desk.tell(desk.ledger.fill, round)
        await desk.wait(round, math.inf)
        if round.failure is not None:
            raise CannotFill(f"{self.name}: {self._database!r} opens no session: {round.failure}") from round.failure

    def _new_desk(self) -> Desk[S]:
        """Set up a desk with an empty ledger."""
        ledger: Ledger[S] = Ledger(
            self.size,
            interval=self._options.ping_interval,
            jitter=jitter,
            lifetime=self._options.max_lifetime,
            max_waiters=self._options.max_waiters,
            slots=self._slots,
        )
        return Desk(self.name, ledger, self._clock)

    def _move_to(self, database: AsyncDatabase[S]) -> None:
        """Give the desk a crew that works on the database; what is left of a try with another has no place here."""
        if self._crew is not None:
            old, self._desk = self._desk, self._new_desk()
            if old.ledger.kept:
                self._desk.ledger.keep()
            old.tell(old.ledger.close, AsyncRound())
        self._database = database
        self._glances = overrides(database, "glance", AsyncDatabase)
        self._may_need_reset = overrides(database, "needs_reset", AsyncDatabase)
        self._crew = Crew(self.name, self._options.workers, self._desk.is_home)
        work = Work(self._desk, database, self._crew, labels=self.labels, io_timeout=self._options.io_timeout)
        self._desk.send = work.take
        self._desk.expire = work.expire

    def _resume(self) -> None:
        """See that the crew is at work, and the keeper, if there is to be one: the end of a loop sent them to rest."""
        if self._crew is not None:
            self._crew.resume()
        if self._desk.ledger.kept and not self.closed and (self._keeper is None or self._keeper.is_over):
            self._keeper = Keeper(self, self._desk.clock)
