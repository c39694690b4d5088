"""The pool for asyncio: the fast ways of `get` and `put`, and the doors to all that is the same in every world."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from functools import partial
from threading import get_ident
from types import TracebackType
from typing import Any, Self, Unpack
from weakref import ref

from pingpool.aio.abstract import ENTER, AbstractAsyncSessionPool
from pingpool.aio.desk import LoopDesk
from pingpool.aio.keeper import FutureAlarm, keep
from pingpool.aio.own import begin
from pingpool.aio.workers import Workers
from pingpool.core.ledger import Ledger
from pingpool.core.slot import S
from pingpool.core.uses import Use
from pingpool.database import AsyncDatabase
from pingpool.errors import PoolFull
from pingpool.options import Interval, MoreOptions, options_from, seconds
from pingpool.pool.beginning import Beginning
from pingpool.pool.caller import WRAPPERS, current_frame, use_from, user_above
from pingpool.pool.keeper import Keeper
from pingpool.pool.work import Work


class AsyncPingingPool(Beginning[S, LoopDesk[S]], AbstractAsyncSessionPool[S]):
    """A fixed number of sessions, kept alive; the least recently used is lent first.

    A pool is an asynchronous context manager that closes itself. It may be made anywhere; the event loop it is first
    used in becomes its own. The first four options are those of google-cloud-spanner's `PingingPool`; the others, by
    name, those of `pingpool.options.MoreOptions`. `PoolOptions` there explains them all.

    Raises:
        TypeError: an option is unknown, or of the wrong kind.
        ValueError: an option is out of range.
    """

    _kind = AsyncDatabase
    _workers: Workers | None = None
    _keeping: "asyncio.Task[None] | None" = None

    def __init__(
        self,
        size: int = 10,
        default_timeout: float | None = 10,
        ping_interval: Interval = 3000,
        labels: Mapping[str, str] | None = None,
        **options: Unpack[MoreOptions],
    ) -> None:
        """Make an unbound pool; it is empty and harmless until `bind`."""
        self._begin(options_from(size, default_timeout, ping_interval, labels, options))

    # Lending.

    async def get(self, timeout: float | None = None) -> S:
        """Check out the least recently used session, proven alive.

        A fresh one costs no round trip, and does not suspend. Waits for at most `timeout` seconds (None:
        `default_timeout`; 0: not at all), whatever the database does meanwhile.

        Raises:
            PoolTimeout: none could be had in time; also an `asyncio.QueueEmpty` and a `TimeoutError`.
            TooManyWaiters: `max_waiters` callers wait already.
            PoolDeadlock: every session is held by a block that waits for another one.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError, ValueError: `timeout` is no number of seconds.
        """
        if timeout is not None:
            seconds("timeout", timeout)
        desk, lending = self._desk, self._lending
        is_running, ledger = desk.is_running, desk.ledger
        if not is_running() or get_ident() != desk.thread:
            desk.settle_in()
        try:
            caller = current_frame(1)
        except ValueError:  # a loop written in C runs it as a whole task
            caller = current_frame()
        now = desk.now
        block = 0
        site = caller.f_code
        while site.co_filename in WRAPPERS and (outer := caller.f_back) is not None:
            block = id(outer) if site is ENTER else 0
            caller, site = outer, outer.f_code
        instruction, holder = caller.f_lasti, id(caller)
        try:
            session = ledger.check_out(now(), site, instruction, holder, block)
        except BaseException:
            desk.heal()
            raise
        try:
            if session is None or (lending.sees_out and not lending.see_out(session)):
                self._resume()
                return await self._lending.get_in_line(session, timeout, Use(site, instruction, now(), holder, block))
        except BaseException:
            lending.reclaim(session, holder)
            raise
        return session

    async def put(self, session: S) -> None:
        """Check a session in; its interval starts anew. Never suspends.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and an `asyncio.QueueFull`.
            NotLent: this pool never lent it, or not in this process.
            WrongLoop: the pool belongs to another event loop.
        """
        desk, lending = self._desk, self._lending
        is_running, ledger = desk.is_running, desk.ledger
        if not is_running() or get_ident() != desk.thread:
            desk.settle_in()
        now = desk.now
        if lending.sees_in and (verdict := lending.see_in(session)) is not None:
            lending.take_back(session, verdict)
            return
        try:
            orders = ledger.check_in(session, now())
            if orders:
                desk.carry_out(orders)
        except PoolFull:
            raise
        except BaseException:
            desk.heal()
            raise

    async def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; `session()` blocks end with this. Never suspends.

        `pingpool.pool.lending.Lending.judge` has the table of what becomes of it.
        """
        if self._desk.is_left_behind(error):
            return
        if self._lending.parted and self._lending.has_parted(session):
            return
        if error is None or (verdict := self._lending.judge(session, error)) is None:
            await self.put(session)
        else:
            self._lending.take_back(session, verdict)

    def _reclaim(self, session: S) -> None:
        self._lending.reclaim(session, id(user_above(current_frame(1))))

    async def discard(self, session: S) -> None:
        """Give a session back that is to be ended and replaced; that says nothing of the others.

        The end of a `session()` block may follow. Never suspends. Counted in `stats().replaced` as "discarded".

        Raises:
            AlreadyReturned, NotLent, WrongLoop: as `put`.
        """
        self._desk.settle_in()
        self._lending.discard(session)

    async def detach(self, session: S) -> None:
        """Keep a session: it is yours from now on, to be closed by you. The pool opens another in its place.

        The end of a `session()` block may follow. Never suspends. Counted in `stats().replaced` as "detached".

        Raises:
            AlreadyReturned, NotLent, WrongLoop: as `put`.
        """
        self._desk.settle_in()
        self._lending.detach(session)

    async def renew(self, timeout: float | None = 0) -> bool:
        """Have every session that is open now replaced, gently: after a new password, a new certificate, a new schema.

        Returns whether all have been replaced. Waits for that at most `timeout` seconds; None: as long as it takes.
        It goes on whether somebody waits or not: `stats().renewing` counts what is left, `replaced` the "renewed".

        One after the other, a new session is opened and then the old one ended, so that one slot at most is out of use;
        where the server has no room for one more, the old one is ended first. A session in use is replaced when it
        comes back.

        Raises:
            WrongLoop: the pool belongs to another event loop.
        """
        return await self._renew(timeout)

    # Keeping alive.

    async def ping(self) -> int:
        """Prove every idle session that is due, each once, side by side; replace those that are gone.

        Returns how many proved alive. Never raises for a session's failure and always ends: each check within
        `io_timeout`. Whoever is cancelled here leaves the checks to the workers.
        """
        return await self._ping()

    def keep_alive(self) -> None:
        """Start the keeper: a task that has proven whatever is due, somewhat ahead of time.

        Outside the pool's event loop the keeper waits until the pool is used there.

        Raises:
            PoolClosed: the pool is closed.
            ValueError: `ping_interval` is 0, so that everything is due all the time.
        """
        self._keep_alive()

    async def check(self, timeout: float | None = None) -> float:
        """Have one session proven, for a readiness probe, and return how many seconds it took.

        The workers ping it, and nobody is lent it meanwhile. One that turns out to be dead is replaced, and the
        next one is tried. Waits for at most `timeout` seconds (None: `default_timeout`); the errors are these:

        Raises:
            PoolTimeout: none could be proven in time.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError, ValueError: `timeout` is no number of seconds, or 0: a proof takes a round trip.
        """
        return await self._check(timeout, use_from(current_frame(1), id(current_frame(1))))

    # The pool as a whole.

    async def bind(self, database: AsyncDatabase[S], *, wait_for: int | None = None) -> None:
        """Associate the pool with a database and fill it; bound to the same database again, top it up.

        Returns when `wait_for` sessions are open; None means all that are opened at once: `size`, or none with
        `fill="lazy"`. The others follow by themselves, and what fails is tried again. With 0 nothing has to succeed.

        A pool that was empty is empty and unbound again if this fails, or is cancelled; then the workers empty it
        behind the caller's back.

        Raises:
            CannotFill: a session could not be created, and fewer than `wait_for` are open; the pool may be bound anew.
            BoundElsewhere: the pool is bound to another database.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError: this is no `AsyncDatabase`, or `wait_for` no whole number.
            ValueError: `wait_for` is not from 0 to `size`.
        """
        await self._bind(database, wait_for)

    async def wait(self, timeout: float | None = None, sessions: int | None = None) -> None:
        """Wait until so many sessions are open (None: all, `size`), whoever has them.

        Waits for at most `timeout` seconds (None: `default_timeout`). With `fill="lazy"` those that are missing are
        opened for it.

        Raises:
            PoolTimeout: fewer were open when the time was up; `__cause__` is the last failure.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
            TypeError, ValueError: `timeout` is no number of seconds, or `sessions` not from 0 to `size`.
        """
        await self._wait(timeout, sessions)

    async def clear(self) -> None:
        """Delete every session that is not lent, going on past errors; the next `bind` fills the pool again.

        Raises:
            WrongLoop: the pool belongs to another event loop.
        """
        await self._clear()

    async def close(self, timeout: float = 10) -> None:
        """End the pool: waiters are told at once, idle sessions deleted, lent ones deleted when they come back.

        Waits at most `timeout` seconds for that; the rest goes on, also if the caller is cancelled. Closing again does
        no harm.
        """
        await self._close(timeout)

    async def __aenter__(self) -> Self:
        """Use the pool."""
        self._come_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if not self._desk.is_left_behind(error):
            await self.close()

    # What the world of asyncio adds.

    def _hint_for(self, database: Any) -> str:
        return (
            "pingpool.databases.callables makes one from coroutine functions, pingpool.databases.in_threads from "
            "a pingpool.Database"
        )

    def _new_desk(self, ledger: Ledger[S]) -> LoopDesk[S]:
        return LoopDesk(self.name, ledger, self._clock, self._resume)

    def _staff(self, database: AsyncDatabase[S]) -> None:
        desk, options = self._desk, self._options
        workers = Workers(desk, most=options.workers, io_timeout=options.io_timeout)
        work = Work(desk, database, database, workers, labels=options.labels, io_timeout=options.io_timeout)
        desk.send = work.take
        desk.expire = workers.expire
        self._workers = workers

    def _come_in(self) -> LoopDesk[S]:
        """Insist on the pool's own loop, and see that the pool is at work there."""
        self._desk.settle_in()
        self._resume()
        return self._desk

    def _start_keeper(self) -> None:
        if self._desk.is_home() and (self._keeping is None or self._keeping.done()):
            alarm = FutureAlarm(self._desk.clock)
            keeper = Keeper(self._keep, alarm)
            self._keeping = begin(keep(keeper, alarm), f"{self.name}: keeper")
            self._keeping.add_done_callback(partial(_see_who_ended_it, ref(self._desk)), context=Context())
            self._desk.keeper = keeper

    def _resume(self) -> None:
        """See that the workers are at work, and the keeper: the end of a loop sent them to rest."""
        if self._workers is not None:
            self._workers.resume()
        super()._resume()

    def _start_anew(self) -> list[Any]:
        old = [self._workers, self._keeping]
        self._workers = self._keeping = None
        return [*old, *super()._start_anew()]


def _see_who_ended_it(desk_of: "ref[LoopDesk[Any]]", keeper: "asyncio.Task[None]") -> None:
    """Nobody of the pool's own cancels a keeper, and its task holds no desk: that may lead back to the pool."""
    desk = desk_of()
    if desk is not None and keeper.cancelled():
        desk.was_swept()
