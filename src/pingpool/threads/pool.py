"""The pool for threads as a whole: its options, its database, its keeper, its beginning and its end."""

import math
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from pingpool.core.ledger import Ledger
from pingpool.core.slot import S, Slot
from pingpool.core.stats import Stats, snapshot
from pingpool.database import AsyncDatabase, Database
from pingpool.errors import BoundElsewhere, CannotFill, PoolClosed
from pingpool.ground.forks import enrol
from pingpool.ground.questions import overrides
from pingpool.options import Interval, Options, PoolOptions, default_workers, jitter, next_name, seconds
from pingpool.threads.clock import Clock, SystemClock
from pingpool.threads.crew import Crew
from pingpool.threads.desk import Desk
from pingpool.threads.exit import close_at_exit
from pingpool.threads.gates import ThreadRound
from pingpool.threads.keeper import Keeper
from pingpool.threads.lending import Lending
from pingpool.threads.work import Work


class ThreadedPoolOptions(PoolOptions, total=False):
    """What `open` takes besides: see `PingingPool`."""

    clock: Clock | None
    slots: Callable[[], Slot] | None


class PingingPool(Lending[S]):
    """A fixed number of sessions, kept alive; the least recently used is lent first.

    All times are seconds. A pool is a context manager that closes itself.

    Args:
        size: how many sessions the pool holds.
        default_timeout: how long `get()` waits for a session; None waits for ever.
        ping_interval: a session that was not used or pinged for so long is proven before it is lent; with 0, always.
            "auto" starts with 30 seconds, learns which idle age the path survives, and stays below it.
        labels: strings by which the sessions can be recognised on the server.
        name: what the pool is called in threads, logs and errors.
        max_lifetime: sessions are replaced at this age, each up to a tenth earlier so that they do not all go together.
        max_waiters: so many callers may wait at a time; one more is refused at once.
        io_timeout: how long one call to the database may take before its session is given up.
        workers: how many calls to the database may run side by side; if not given, as many as sessions, 16 at most.
        clock: where the time comes from; tests bring one that is told.
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
            workers=default_workers(size) if workers is None else workers,
            name=next_name() if name is None else name,
        ).check()
        self._clock = clock or SystemClock()
        self._slots = slots
        self._binding = threading.Lock()
        self._keeper: Keeper | None = None
        self._is_bound = False
        self._desk = self._new_desk()
        enrol(self)
        close_at_exit(self)

    @property
    def name(self) -> str:
        """What the pool is called in threads, logs and errors."""
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

    def ping(self) -> int:
        """Prove every idle session that is due, each once, side by side; replace those that are gone.

        Returns how many proved alive. Never raises for a session's failure and always ends: each check within
        `io_timeout`. Call it now and then from a thread of your own, or let `keep_alive()` do that.
        """
        round = self.begin_ping()
        self._desk.wait(round, math.inf)
        return round.proved

    def begin_ping(self) -> ThreadRound:
        """Have that done by the crew, and do not wait for it. So the keeper pings, since one ping may hang for long."""
        round = ThreadRound()
        self._desk.tell(self._desk.ledger.ping, round)
        return round

    def keep_alive(self) -> None:
        """Start the keeper: a thread that calls `ping()` whenever something is due, somewhat ahead of time.

        Raises:
            PoolClosed: the pool is closed.
            ValueError: `ping_interval` is 0, so that everything is due all the time.
        """
        if not self.ping_interval:
            raise ValueError(f"{self.name}: a ping_interval of 0 means a check at each checkout; nothing to keep alive")
        with self._binding:
            if self.closed:
                raise PoolClosed(f"{self.name}: the pool is closed; there is nothing to keep alive")
            self._desk.ledger.keep()
            self._start_keeper()

    def next_ping_at(self) -> float:
        """Return when `ping()` will have something to do, in the time of the pool's clock."""
        return self._desk.look(self._desk.ledger.next_due)

    def next_look_at(self) -> float:
        """Return when the keeper should look again, even if nothing will be due by then."""
        return self._desk.look(partial(self._desk.ledger.next_look_at, self._clock.now()))

    # The pool as a whole.

    def bind(self, database: Database[S]) -> None:
        """Associate the pool with a database and fill it; bound to the same database again, top it up.

        Raises:
            CannotFill: a session could not be made; a pool that was empty is empty and unbound again.
            BoundElsewhere: the pool is bound to another database.
            PoolClosed: the pool is closed.
            TypeError: this is no `Database`.
        """
        if not isinstance(database, Database):
            hint = "pingpool.databases.callables makes one from plain functions"
            if isinstance(database, AsyncDatabase):
                hint = "that one is for asyncio: use open_async(), or an AsyncPingingPool"
            raise TypeError(f"bind() takes a pingpool.Database, got {database!r:.200}; {hint}")
        with self._binding:
            if self.closed:
                raise PoolClosed(f"{self.name}: the pool is closed and cannot be bound")
            if self._is_bound and self._database != database:
                raise BoundElsewhere(f"{self.name} is bound to {self._database!r}; make another pool for {database!r}")
            if not self._is_bound and self._database != database:
                self._move_to(database)
            was_filled = self._desk.ledger.filling
            try:
                self._fill()
                if self.closed:
                    raise PoolClosed(f"{self.name}: the pool was closed while it was filled")
                self._is_bound = True
            except BaseException:
                if not was_filled:
                    self.clear()
                raise

    def clear(self) -> None:
        """Delete every session that is not lent, going on past errors; the next `bind` fills the pool again."""
        round = ThreadRound()
        desk = self._desk
        desk.tell(desk.ledger.clear, round)
        desk.wait(round, math.inf)

    def close(self, timeout: float = 10) -> None:
        """End the pool: waiters are told at once, idle sessions deleted, lent ones deleted when they come back.

        Waits at most `timeout` seconds for what is under way; not for lent sessions. Closing again does no harm.
        """
        until = self._clock.now() + seconds("timeout", timeout)
        desk = self._desk
        if self._keeper is not None:
            self._keeper.stop()
        round = ThreadRound()
        desk.tell(desk.ledger.close, round)
        desk.wait(round, until)

    @property
    def closed(self) -> bool:
        """Has the pool been closed?"""
        return self._desk.ledger.closed

    def stats(self) -> Stats:
        """Return a snapshot of the pool."""
        desk = self._desk
        desk.tell(desk.ledger.tick)
        return desk.snapshot()

    def __enter__(self) -> Self:
        """Use the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Say what the pool is doing."""
        return f"<{type(self).__name__} {self.name}: {snapshot(self._desk.ledger)}>"

    def __del__(self) -> None:
        """Close a pool that nobody can reach any more, without waiting."""
        desk = getattr(self, "_desk", None)
        if desk is not None and desk.ledger.filling and not desk.ledger.closed:
            warnings.warn(f"{self.name} was dropped without being closed", ResourceWarning, stacklevel=1)
            desk.tell(desk.ledger.close, ThreadRound())

    def start_anew(self) -> list[Any]:
        """Forget every session without touching it, and return them all; called in a forked child."""
        old = self._desk.ledger
        self._binding = threading.Lock()
        self._keeper = None
        self._desk = self._new_desk()
        if self._is_bound:
            self._move_to(self._database)
        ledger = self._desk.ledger
        ledger.inherit(old, is_bound=self._is_bound)
        return [old, *(slot.ref() for slot in old.lent.values())]

    # How it is done.

    def _fill(self) -> None:
        """Fill the pool, or say why that cannot be done."""
        desk, round = self._desk, ThreadRound()
        desk.tell(desk.ledger.fill, round)
        desk.wait(round, math.inf)
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

    def _move_to(self, database: Database[S]) -> None:
        """Give the desk a crew that works on the database."""
        if self._desk.is_staffed:  # what the crew did for another database has no place here
            old, self._desk = self._desk, self._new_desk()
            if old.ledger.kept:
                self._desk.ledger.keep()
            old.tell(old.ledger.close, ThreadRound())
        self._database = database
        self._glances = overrides(database, "glance", Database)
        self._may_need_reset = overrides(database, "needs_reset", Database)
        crew = Crew(self.name, self._options.workers)
        work = Work(self._desk, database, crew, labels=self.labels, io_timeout=self._options.io_timeout)
        self._desk.send = work.take

    def _before_waiting(self) -> None:
        """Start the keeper again in a forked child, with its first use of the pool."""
        if self._desk.ledger.kept and self._keeper is None and self._binding.acquire(blocking=False):
            try:
                if not self.closed:
                    self._start_keeper()
            finally:
                self._binding.release()

    def _start_keeper(self) -> None:
        """Start the keeper, unless there is one."""
        if self._keeper is None:
            keeper = Keeper(self, self._clock)
            keeper.start()
            self._keeper = keeper
