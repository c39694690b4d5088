"""How a session goes out and comes back: `get`, `put`, and what there is to it when it is not simple.

The fast ways are turns at the desk written out in place (see `desk`): nothing is built and the latch is taken once.
"""

import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from threading import get_ident
from types import CodeType
from typing import Any, TypeVar

from pingpool.core.orders import Verdict
from pingpool.core.slot import S
from pingpool.database import Database
from pingpool.errors import DatabaseRefuses, PoolClosed, PoolFull, PoolTimeout, TooManyWaiters
from pingpool.ground import journal
from pingpool.options import seconds
from pingpool.threads.abstract import AbstractSessionPool, Checkout
from pingpool.threads.desk import Desk
from pingpool.threads.gates import ThreadWaiter
from pingpool.threads.keeper import Keeper
from pingpool.threads.latch import HELD, wait_for

_frame = sys._getframe  # pyright: ignore[reportPrivateUsage] (documented, despite its name)


A = TypeVar("A")

ENTER: CodeType = vars(Checkout)["__enter__"].__code__
"""Where a `with pool.session()` block calls `get`; the place of the checkout is the block, one frame further out."""


class Nowhere(Database[Any]):
    """The database of a pool that is not bound."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Open nothing: an unbound pool asks for nothing."""
        raise AssertionError("an unbound pool makes no sessions")


class Lending(AbstractSessionPool[S]):
    """Lends the sessions of one desk."""

    _desk: Desk[S]
    _keeper: Keeper | None

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        """Start with no database."""
        super().__init__(labels)
        self._database: Database[S] = Nowhere()
        self._glances = self._may_need_reset = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What the pool is called in threads, logs and errors."""

    @property
    @abstractmethod
    def default_timeout(self) -> float | None:
        """How many seconds `get()` waits for a session; None waits for ever."""

    @abstractmethod
    def _before_waiting(self) -> None:
        """Do what is due when the first caller has to wait."""

    def get(self, timeout: float | None = None) -> S:
        """Check out the least recently used session, proven alive.

        A fresh one costs no round trip. Waits for at most `timeout` seconds (None: `default_timeout`), whatever the
        database does meanwhile. With 0 it does not wait at all, so that a session that is overdue cannot be had: it is
        checked for the next caller.

        Raises:
            PoolTimeout: none could be had in time; also a `queue.Empty` and a `TimeoutError`.
            TooManyWaiters: `max_waiters` callers wait already.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
        """
        if timeout is not None:
            seconds("timeout", timeout)
        caller = _frame(1)
        site = caller.f_code
        if site is ENTER:
            caller = caller.f_back or caller
            site = caller.f_code
        instruction = caller.f_lasti
        desk = self._desk
        latch, ledger, now = desk.latch, desk.ledger, desk.now
        turn = get_ident()
        struck = False
        session: S | None = None
        try:
            if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn):
                session = ledger.check_out(now(), site, instruction)
                del latch[HELD]
            else:
                struck = True
        except BaseException:
            desk.heal(turn)
            raise
        if struck:
            raise PoolTimeout(f"{self.name}: get() was called by a signal handler that struck this pool in mid-turn")
        if session is None or (self._glances and not self._looks_alive(session)):
            return self._get_in_line(session, timeout, site, instruction)
        return session

    def put(self, session: S) -> None:
        """Check a session in; its interval starts anew. Never blocks.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and a `queue.Full`.
            NotLent: this pool never lent it, or not in this process.
        """
        if self._may_need_reset and self._was_left_open(session):
            self._return(session, Verdict.LEFT_OPEN)
            return
        desk = self._desk
        latch, ledger, now = desk.latch, desk.ledger, desk.now
        turn = get_ident()
        try:
            if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn):
                orders = ledger.check_in(session, now())
                del latch[HELD]
                if orders:
                    desk.carry_out(orders)
                return
        except PoolFull:
            raise
        except BaseException:
            desk.heal(turn)
            raise
        self._return(session, Verdict.WELL)

    def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; `session()` blocks end with this.

        | the use ended with                            | the session                                              |
        |-----------------------------------------------|----------------------------------------------------------|
        | None                                          | goes back, reset first if something was left open        |
        | an error by which the database knows it lost, | is replaced, and every idle one is proven before its use |
        | and it looks dead, if the database can look   |                                                          |
        | another `Exception`                           | goes back when a reset, or else a ping, has proven it    |
        | a generator's end                             | goes back as if all had gone well                        |
        | an interrupt (any other `BaseException`)      | is ended, unless the database's `resync` vouches for it  |
        """
        if error is None or isinstance(error, GeneratorExit):
            self.put(session)
        elif isinstance(error, Exception):
            self._return_after(error, session)
        elif self._ask_about(session, self._database.resync, session, otherwise=False):
            self.put(session)
        else:
            self._return(session, Verdict.TAINTED)

    # When it is not simple.

    def _get_in_line(self, dead: S | None, timeout: float | None, site: CodeType, instruction: int) -> S:
        """Wait for a session that looks alive, after one that did not, if there was one."""
        self._before_waiting()
        start = self._desk.now()
        timeout = self.default_timeout if timeout is None else timeout
        until = math.inf if timeout is None else start + timeout
        while True:
            if dead is not None:
                self._return_dead(dead, Verdict.GONE)
            session = self._wait(start, until, ThreadWaiter(site, instruction))
            if not self._glances or self._looks_alive(session):
                return session
            dead = session

    def _wait(self, start: float, until: float, waiter: ThreadWaiter) -> S:
        """Stand in line for a session."""
        desk = self._desk
        try:
            desk.tell(desk.ledger.ask, waiter)
            desk.wait(waiter, until)
            session: S | None = waiter.session
            if session is None:
                raise self._explain(waiter.error, desk.now() - start)
            return session
        except BaseException:
            desk.tell(desk.ledger.abandon, waiter)
            raise

    def _explain(self, error: BaseException | None, waited: float) -> Exception:
        """Return the error for a caller who got no session, with all that a support engineer would ask for."""
        if isinstance(error, PoolClosed | TooManyWaiters):
            return type(error)(f"{self.name}: {error}")
        what: PoolTimeout
        if error is not None:
            what = DatabaseRefuses(f"{self.name}: the database refuses to open sessions: {error}")
            what.__cause__ = error
            return what
        hint = "" if self._desk.ledger.filling else "; it is not bound to a database, or was cleared: call bind()"
        what = PoolTimeout(f"{self.name}: no session within {waited:.3g} s ({self._desk.snapshot()}){hint}")
        what.__cause__ = self._desk.ledger.failure
        return what

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
        except Exception as error:
            journal.warning("%s: the database had no answer to a question about a session: %r", self.name, error)
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
        rejection = self._desk.look(partial(self._desk.ledger.rejection, session))
        if rejection is not None:
            raise rejection
        self._desk.tell(self._desk.ledger.take_back, session, verdict)
