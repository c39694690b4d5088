"""The pool for threads: the fast ways of `get` and `put`, and the doors to all that is the same in every world.

The fast ways are turns at the desk written out in place (see `desk`): nothing is built, and the latch is taken once.
"""

from collections.abc import Mapping
from threading import get_ident
from types import TracebackType
from typing import Any, Self, Unpack

from pingpool.core.ledger import Ledger
from pingpool.core.slot import S
from pingpool.core.uses import Use
from pingpool.database import AsyncDatabase, Database
from pingpool.errors import PoolFull, PoolTimeout
from pingpool.options import Interval, MoreOptions, options_from, seconds
from pingpool.pool.at_once import at_once
from pingpool.pool.beginning import Beginning
from pingpool.pool.caller import WRAPPERS, current_frame, use_from
from pingpool.pool.hooks import overrides
from pingpool.pool.log import log
from pingpool.pool.work import Work
from pingpool.pool.world import PATROL
from pingpool.threads.abstract import ENTER, AbstractSessionPool
from pingpool.threads.blocking import Blocking
from pingpool.threads.clock import SYSTEM
from pingpool.threads.desk import ThreadDesk
from pingpool.threads.exit import close_at_exit
from pingpool.threads.keeper import Keepers, keepers_by
from pingpool.threads.latch import HELD, wait_for
from pingpool.threads.late import LateLock
from pingpool.threads.own import OwnThreads
from pingpool.threads.workers import Workers

MOST_WORKERS = 25
"""A large pool starts no crowd of threads, unless told to; a hundred sessions are opened in four goes."""


class PingingPool(Beginning[S, ThreadDesk[S]], AbstractSessionPool[S]):
    """A fixed number of sessions, kept alive; the least recently used is lent first.

    A pool is a context manager that closes itself. The first four options are those of google-cloud-spanner's
    `PingingPool`; the others, by name, those of `pingpool.options.MoreOptions`. `PoolOptions` there explains them all.

    Raises:
        TypeError: an option is unknown, or of the wrong kind.
        ValueError: an option is out of range.
    """

    _kind = Database
    _keepers: Keepers | None = None

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: Interval = 3000,
        labels: Mapping[str, str] | None = None,
        **options: Unpack[MoreOptions],
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`."""
        self._binding = LateLock()
        self._own_threads = OwnThreads()
        self._begin(options_from(size, default_timeout, ping_interval, labels, options, most_workers=MOST_WORKERS))
        close_at_exit(self)

    # Lending.

    def get(self, timeout: float | None = None) -> S:
        """Check out the least recently used session, proven alive.

        A fresh one costs no round trip. Waits for at most `timeout` seconds (None: `default_timeout`), whatever the
        database does meanwhile. With 0 it does not wait at all, so that a session that is overdue cannot be had: it is
        checked for the next caller.

        Raises:
            PoolTimeout: none could be had in time; also a `queue.Empty` and a `TimeoutError`.
            TooManyWaiters: `max_waiters` callers wait already.
            PoolDeadlock: every session is held by a block that waits for another one.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            TypeError, ValueError: `timeout` is no number of seconds.
        """
        if timeout is not None:
            seconds("timeout", timeout)
        try:
            caller = current_frame(1)
        except ValueError:  # it is called by C alone, as a thread's or a greenlet's whole work
            caller = current_frame()
        site = caller.f_code
        block = 0
        while site.co_filename in WRAPPERS and (outer := caller.f_back) is not None:
            block = id(outer) if site is ENTER else 0
            caller, site = outer, outer.f_code
        instruction = caller.f_lasti
        desk, lending = self._desk, self._lending
        latch, ledger, now = desk.latch, desk.ledger, desk.now
        turn = get_ident()
        is_own_turn = False
        session: S | None = None
        try:
            if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn, desk.take_over):
                session = ledger.check_out(now(), site, instruction, turn, block)
                del latch[HELD]
            else:
                is_own_turn = True
        except BaseException:
            try:
                desk.heal(turn)
            except BaseException:  # a second one came before its first step
                desk.heal(turn)
            raise
        if is_own_turn:
            raise PoolTimeout(f"{self.name}: get() was called by a signal handler that interrupted a turn of this pool")
        try:
            if session is None or (lending.sees_out and not lending.see_out(session)):
                self._resume()
                return at_once(self._lending.get_in_line(session, timeout, Use(site, instruction, now(), turn, block)))
        except BaseException:
            lending.reclaim(session, turn)
            raise
        return session

    def put(self, session: S) -> None:
        """Check a session in; its interval starts anew. Never blocks.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and a `queue.Full`.
            NotLent: this pool never lent it, or not in this process.
        """
        desk, lending = self._desk, self._lending
        if lending.sees_in and (verdict := lending.see_in(session)) is not None:
            lending.take_back(session, verdict)
            return
        latch, ledger, now = desk.latch, desk.ledger, desk.now
        turn = get_ident()
        try:
            if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn, desk.take_over):
                orders = ledger.check_in(session, now())
                del latch[HELD]
                if orders:
                    desk.carry_out(orders)
                return
        except PoolFull:
            raise
        except BaseException:
            try:
                desk.heal(turn)
            except BaseException:  # a second one came before its first step
                desk.heal(turn)
            raise
        lending.put_later(session)

    def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; `session()` blocks end with this.

        `pingpool.pool.lending.Lending.judge` has the table of what becomes of it.
        """
        lending = self._lending
        if lending.parted and lending.has_parted(session):
            return
        if error is None or (verdict := lending.judge(session, error)) is None:
            self.put(session)
        else:
            lending.take_back(session, verdict)

    def _reclaim(self, session: S) -> None:
        self._lending.reclaim(session, get_ident())

    def discard(self, session: S) -> None:
        """Give a session back that is to be ended and replaced; that says nothing of the others.

        The end of a `session()` block may follow. Counted in `stats().replaced` as "discarded".

        Raises:
            AlreadyReturned, NotLent: as `put`.
        """
        self._lending.discard(session)

    def detach(self, session: S) -> None:
        """Keep a session: it is yours from now on, to be closed by you. The pool opens another in its place.

        The end of a `session()` block may follow. Counted in `stats().replaced` as "detached".

        Raises:
            AlreadyReturned, NotLent: as `put`.
        """
        self._lending.detach(session)

    def renew(self, timeout: float | None = 0) -> bool:
        """Have every session that is open now replaced, gently: after a new password, a new certificate, a new schema.

        Returns whether all have been replaced. Waits for that at most `timeout` seconds; None: as long as it takes.
        It goes on whether somebody waits or not: `stats().renewing` counts what is left, `replaced` the "renewed".

        One after the other, a new session is opened and then the old one ended, so that one slot at most is out of use;
        where the server has no room for one more, the old one is ended first. A session in use is replaced when it
        comes back.
        """
        return at_once(self._renew(timeout))

    # Keeping alive.

    def ping(self) -> int:
        """Prove every idle session that is due, each once, side by side; replace those that are gone.

        Returns how many proved alive. Never raises for a session's failure and always ends: each check within
        `io_timeout`. Call it now and then from a thread of your own, or let `keep_alive()` do that.
        """
        return at_once(self._ping())

    def keep_alive(self) -> None:
        """Start the keeper: a thread that has proven whatever is due, somewhat ahead of time.

        Raises:
            PoolClosed: the pool is closed.
            ValueError: `ping_interval` is 0, so that everything is due all the time.
        """
        with self._binding.lock:
            self._keep_alive()

    def check(self, timeout: float | None = None) -> float:
        """Have one session proven, for a readiness probe, and return how many seconds it took.

        The workers ping it, and nobody is lent it meanwhile. One that turns out to be dead is replaced, and the
        next one is tried. Waits for at most `timeout` seconds (None: `default_timeout`); the errors are these:

        Raises:
            PoolTimeout: none could be proven in time.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            TypeError, ValueError: `timeout` is no number of seconds, or 0: a proof takes a round trip.
        """
        return at_once(self._check(timeout, use_from(current_frame(1), get_ident())))

    # The pool as a whole.

    def bind(self, database: Database[S], *, wait_for: int | None = None) -> None:
        """Associate the pool with a database and fill it; bound to the same database again, top it up.

        Returns when `wait_for` sessions are open; None means all that are opened at once: `size`, or none with
        `fill="lazy"`. The others follow by themselves, and what fails is tried again. With 0 nothing has to succeed.

        Raises:
            CannotFill: a session could not be created, and fewer than `wait_for` are open; a pool that was empty is
                empty and unbound again.
            BoundElsewhere: the pool is bound to another database.
            PoolClosed: the pool is closed.
            TypeError: this is no `Database`, or `wait_for` no whole number.
            ValueError: `wait_for` is not from 0 to `size`.
        """
        with self._binding.lock:
            at_once(self._bind(database, wait_for))

    def wait(self, timeout: float | None = None, sessions: int | None = None) -> None:
        """Wait until so many sessions are open (None: all, `size`), whoever has them.

        Waits for at most `timeout` seconds (None: `default_timeout`). With `fill="lazy"` those that are missing are
        opened for it.

        Raises:
            PoolTimeout: fewer were open when the time was up; `__cause__` is the last failure.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            TypeError, ValueError: `timeout` is no number of seconds, or `sessions` not from 0 to `size`.
        """
        at_once(self._wait(timeout, sessions))

    def clear(self) -> None:
        """Delete every session that is not lent, going on past errors; the next `bind` fills the pool again."""
        at_once(self._clear())

    def close(self, timeout: float = 10) -> None:
        """End the pool: waiters are told at once, idle sessions deleted, lent ones deleted when they come back.

        Waits at most `timeout` seconds for what is under way, and for the pool's own threads to end; not for lent
        sessions. Closing again does no harm.
        """
        at_once(self._close(timeout))

    def __enter__(self) -> Self:
        """Use the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    # What the world of threads adds.

    def _hint_for(self, database: Any) -> str:
        if isinstance(database, AsyncDatabase):
            return "that one is for asyncio: use open_async(), or an AsyncPingingPool"
        return "pingpool.databases.callables makes one from plain functions"

    def _new_desk(self, ledger: Ledger[S]) -> ThreadDesk[S]:
        return ThreadDesk(self.name, ledger, self._clock or SYSTEM, self._own_threads)

    def _staff(self, database: Database[S]) -> None:
        desk, options = self._desk, self._options
        workers = Workers(
            desk,
            most=options.workers,
            io_timeout=options.io_timeout,
            abort=database.abort if overrides(database, "abort") else None,
        )
        calls = Blocking(database)
        work = Work(desk, database, calls, workers, labels=options.labels, io_timeout=options.io_timeout)
        desk.send = work.take
        desk.dismiss = workers.dismiss

    def _start_keeper(self) -> None:
        if self._has_keeper():
            return
        self._keepers = keepers_by(self._desk.clock)
        try:
            self._desk.keeper = self._keepers.begin(self._keep)
        except RuntimeError as error:
            log(self.name).warning(
                "%s: no thread can be had to keep it alive, until somebody waits for it: %r", self.name, error
            )

    def _has_keeper(self) -> bool:
        return self._desk.keeper is not None and self._keepers is not None and self._keepers.are_at_work

    def _keep(self) -> float | None:
        """Look after the timers, too, that can have no thread."""
        when, timers = super()._keep(), self._desk.timers
        timers.rescue()
        return min(when, self._desk.now() + PATROL) if when is not None and timers.are_stranded else when

    def _see_off(self, until: float) -> None:
        if self._keepers is not None and self._desk.keeper is not None:
            self._keepers.see_off(self._desk.keeper, until)  # first: its last look may have started a thread
        self._own_threads.see_off(until, self._desk.now)

    def _resume(self) -> None:
        """Start the keeper where there is none, as in a forked child, unless another thread is about to."""
        if not self._has_keeper() and self._binding.lock.acquire(blocking=False):
            try:
                super()._resume()
            finally:
                self._binding.lock.release()

    def _start_anew(self) -> list[Any]:
        self._own_threads = OwnThreads()
        return super()._start_anew()
