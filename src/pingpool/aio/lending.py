"""How a session goes out and comes back: `get`, `put`, and what there is to it when it is not simple.

Where a caller can be cancelled, who owns the session then? `get` suspends at one place only, in line: whoever is
cancelled there leaves by `abandon`, which passes on a session that had reached him. All other ways, `put` and the end
of a block among them, are done in one step.
"""

import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping
from threading import get_ident
from types import CodeType
from typing import Any, TypeVar

from pingpool.aio.abstract import ENTER, AbstractAsyncSessionPool
from pingpool.aio.desk import Desk
from pingpool.aio.errors import DatabaseRefuses, PoolTimeout, kin_of
from pingpool.aio.gates import AsyncWaiter
from pingpool.aio.keeper import Keeper
from pingpool.core.orders import Verdict
from pingpool.core.slot import S
from pingpool.database import AsyncDatabase
from pingpool.errors import PoolClosed, PoolError, PoolFull, TooManyWaiters
from pingpool.ground import journal
from pingpool.options import seconds

_frame = sys._getframe  # pyright: ignore[reportPrivateUsage] (documented, despite its name)

A = TypeVar("A")


class Nowhere(AsyncDatabase[Any]):
    """The database of a pool that is not bound."""

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Open nothing: an unbound pool asks for nothing."""
        raise AssertionError("an unbound pool makes no sessions")


class Lending(AbstractAsyncSessionPool[S]):
    """Lends the sessions of one desk."""

    _desk: Desk[S]
    _keeper: Keeper | None

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        """Start with no database."""
        super().__init__(labels)
        self._database: AsyncDatabase[S] = Nowhere()
        self._glances = self._may_need_reset = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What the pool is called in tasks, logs and errors."""

    @property
    @abstractmethod
    def default_timeout(self) -> float | None:
        """How many seconds `get()` waits for a session; None waits for ever."""

    @abstractmethod
    def _resume(self) -> None:
        """See that the crew is at work, and the keeper, if there is to be one."""

    async def get(self, timeout: float | None = None) -> S:
        """Check out the least recently used session, proven alive.

        A fresh one costs no round trip, and does not suspend. Waits for at most `timeout` seconds (None:
        `default_timeout`; 0: not at all), whatever the database does meanwhile.

        Raises:
            PoolTimeout: none could be had in time; also an `asyncio.QueueEmpty` and a `TimeoutError`.
            TooManyWaiters: `max_waiters` callers wait already.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
            WrongLoop: the pool belongs to another event loop.
        """
        if timeout is not None:
            seconds("timeout", timeout)
        desk = self._desk
        is_running, ledger = desk.is_running, desk.ledger
        if not is_running() or get_ident() != desk.thread:
            desk.settle_in()
        now = desk.now
        caller = _frame(1)
        site = caller.f_code
        if site is ENTER:
            caller = caller.f_back or caller
            site = caller.f_code
        instruction = caller.f_lasti
        try:
            session = ledger.check_out(now(), site, instruction)
        except BaseException:
            desk.heal()
            raise
        if session is None or (self._glances and not self._looks_alive(session)):
            return await self._get_in_line(session, timeout, site, instruction)
        return session

    async def put(self, session: S) -> None:
        """Check a session in; its interval starts anew. Never suspends.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and an `asyncio.QueueFull`.
            NotLent: this pool never lent it, or not in this process.
            WrongLoop: the pool belongs to another event loop.
        """
        desk = self._desk
        is_running, ledger = desk.is_running, desk.ledger
        if not is_running() or get_ident() != desk.thread:
            desk.settle_in()
        now = desk.now
        if self._may_need_reset and self._was_left_open(session):
            self._return(session, Verdict.LEFT_OPEN)
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

        | the use ended with                            | the session                                              |
        |-----------------------------------------------|----------------------------------------------------------|
        | None                                          | goes back, reset first if something was left open        |
        | an error by which the database knows it lost, | is replaced, and every idle one is proven before its use |
        | and it looks dead, if the database can look   |                                                          |
        | another `Exception`                           | goes back when a reset, or else a ping, has proven it    |
        | a generator's end                             | goes back as if all had gone well                        |
        | a cancel, or any other `BaseException`        | is ended, unless the database's `resync` vouches for it  |
        """
        if isinstance(error, GeneratorExit) and not self._desk.is_home():
            return  # the loop was closed over the block: nothing is left to go back to
        if error is None or isinstance(error, GeneratorExit):
            await self.put(session)
        elif isinstance(error, Exception):
            self._return_after(error, session)
        elif self._ask_about(session, self._database.resync, session, otherwise=False):
            await self.put(session)
        else:
            self._return(session, Verdict.TAINTED)

    # When it is not simple.

    async def _get_in_line(self, dead: S | None, timeout: float | None, site: CodeType, instruction: int) -> S:
        """Wait for a session that looks alive, after one that did not, if there was one."""
        self._resume()
        start = self._desk.now()
        timeout = self.default_timeout if timeout is None else timeout
        until = math.inf if timeout is None else start + timeout
        while True:
            if dead is not None:
                self._return_dead(dead, Verdict.GONE)
            session = await self._wait(start, AsyncWaiter(site, instruction, until))
            if not self._glances or self._looks_alive(session):
                return session
            dead = session

    async def _wait(self, start: float, waiter: AsyncWaiter) -> S:
        """Stand in line for a session."""
        desk = self._desk
        try:
            desk.tell(desk.ledger.ask, waiter)
            await desk.wait(waiter, waiter.until)
            session: S | None = waiter.session
            if session is None:
                raise self._explain(waiter.error, desk.now() - start)
            return session
        except BaseException:
            desk.tell(desk.ledger.abandon, waiter)
            raise

    def _explain(self, reason: BaseException | None, waited: float) -> PoolError:
        """Return the error for a caller who got no session, with all that a support engineer would ask for."""
        error: PoolError
        if isinstance(reason, PoolClosed | TooManyWaiters):
            return kin_of(type(reason)(f"{self.name}: {reason}"))
        if reason is not None:
            error = DatabaseRefuses(f"{self.name}: the database refuses to open sessions: {reason}")
            error.__cause__ = reason
            return error
        hint = "" if self._desk.ledger.filling else "; it is not bound to a database, or was cleared: call bind()"
        error = PoolTimeout(f"{self.name}: no session within {waited:.3g} s ({self._desk.snapshot()}){hint}")
        error.__cause__ = self._desk.ledger.failure
        return error

    def _looks_alive(self, session: S) -> bool:
        """Glance at a session that is about to be lent; a database that fails to look counts it as dead."""
        return self._ask_about(session, self._database.glance, session, otherwise=False)

    def _was_left_open(self, session: S) -> bool:
        """Ask about a session that may be put; what was not lent is refused later, so there is nothing to ask."""
        if id(session) not in self._desk.ledger.lent:
            return False
        return self._ask_about(session, self._database.needs_reset, session, otherwise=True)

    def _ask_about(self, session: S, question: Callable[[A], bool], about: A, *, otherwise: bool) -> bool:
        """Ask the database in passing; an interrupt meanwhile costs the session, since nobody can vouch for it now."""
        try:
            return question(about)
        except Exception:
            journal.exception("%s: the database had no answer to a question about a session", self.name)
            return otherwise
        except BaseException:
            self._return(session, Verdict.TAINTED)
            raise

    def _return_after(self, error: Exception, session: S) -> None:
        """Check in a session whose use ended in an error, which may be that of another session, or of the caller."""
        is_lost = self._ask_about(session, self._database.is_lost, error, otherwise=False)
        if is_lost and not (self._glances and self._looks_alive(session)):
            self._return_dead(session, Verdict.LOST)
        elif self._may_need_reset and self._was_left_open(session):
            self._return(session, Verdict.LEFT_OPEN)
        else:
            self._return(session, Verdict.UNPROVEN)

    def _return_dead(self, session: S, verdict: Verdict) -> None:
        """Check in a session that is dead, and have the keeper look again: that may tell something of the others."""
        self._return(session, verdict)
        if self._keeper is not None:
            self._keeper.wake()

    def _return(self, session: S, verdict: Verdict) -> None:
        """Check a session in, by what is known of it."""
        rejection = self._desk.ledger.rejection(session)
        if rejection is not None:
            raise kin_of(rejection)
        self._desk.tell(self._desk.ledger.take_back, session, verdict)
