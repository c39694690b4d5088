"""How a session goes out and comes back: `get`, `put`, and what there is to it when it is not simple.

The fast ways are turns at the desk written out in place (see `desk`): no object is built and the lock is taken once.
"""

import logging
import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import CodeType

from pingpool.core.orders import Order
from pingpool.core.places import S
from pingpool.database import Database
from pingpool.errors import DatabaseRefuses, PoolClosed, PoolError, PoolTimeout, TooManyWaiters
from pingpool.options import seconds
from pingpool.threads.abstract import AbstractSessionPool
from pingpool.threads.desk import Desk
from pingpool.threads.gates import ThreadWaiter
from pingpool.threads.keeper import Keeper
from pingpool.threads.work import judge

log = logging.getLogger("pingpool")
_frame = sys._getframe  # pyright: ignore[reportPrivateUsage] (documented, despite its name)


class Lending(AbstractSessionPool[S]):
    """Lends the sessions of one desk."""

    _desk: Desk[S]
    _keeper: Keeper | None

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        """Start with no database."""
        super().__init__(labels)
        self._database: Database[S] | None = None
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
    def _resume_keeping(self) -> None:
        """See that the keeper is there, if there is to be one."""

    def get(self, timeout: float | None = None) -> S:
        """Check out the least recently used session, proven alive.

        A fresh one costs no round trip. Waits for at most `timeout` seconds (None: `default_timeout`; 0: not at all),
        whatever the database does meanwhile.

        Raises:
            PoolTimeout: none could be had in time; also a `queue.Empty` and a `TimeoutError`.
            TooManyWaiters: `max_waiters` callers wait already.
            DatabaseRefuses: there is no session, and the reason (a wrong password) will not go away by waiting.
            PoolClosed: the pool is closed.
        """
        if timeout is not None:
            seconds("timeout", timeout)
        desk = self._desk
        caller = _frame(1)
        site, line = caller.f_code, caller.f_lineno
        session: S | None = None
        try:
            desk.acquire()
            struck = desk.busy
            if not struck:
                desk.busy = True
                session = desk.check_out(desk.now(), site, line)
                desk.busy = False
            desk.release()
        except BaseException:
            desk.heal()
            raise
        if struck:
            raise PoolTimeout(f"{self.name}: get() was called by a signal handler that struck this pool in mid-turn")
        if session is None:
            session = self._wait(timeout, site, line)
        if self._glances and not self._looks_alive(session):
            return self._get_another(session, timeout, site, line)
        return session

    def put(self, session: S) -> None:
        """Check a session in; its interval starts anew. Never blocks.

        Raises:
            AlreadyReturned: it was given back before; like `NotLent` also a `PoolFull` and a `queue.Full`.
            NotLent: this pool never lent it, or not in this process.
        """
        if self._may_need_reset:
            self._put_with_care(session)
            return
        desk = self._desk
        orders: Sequence[Order] | None = None
        try:
            desk.acquire()
            struck = desk.busy
            if not struck:
                desk.busy = True
                orders = desk.check_in(session, desk.now())
                desk.busy = False
            desk.release()
            if orders:
                desk.carry_out(orders)
        except PoolError:
            desk.leave()
            raise
        except BaseException:
            desk.heal()
            raise
        if struck:
            self._return(desk.ledger.check_in, session)

    def give_back(self, session: S, error: BaseException | None) -> None:
        """Check a session in, saying what ended its use; `session()` blocks end with this.

        | the use ended with                            | the session                                              |
        |-----------------------------------------------|----------------------------------------------------------|
        | None                                          | goes back, reset first if something was left open        |
        | an error by which the database knows it lost  | is replaced, and every idle one is proven before its use |
        | another `Exception`, or a generator's end     | goes back, reset first if something was left open        |
        | an interrupt (any other `BaseException`)      | is ended, unless the database's `resync` vouches for it  |
        """
        database = self._database
        if error is None or database is None or isinstance(error, GeneratorExit):
            self.put(session)
        elif isinstance(error, Exception):
            if judge(database.is_lost, error):
                self._return(self._desk.ledger.lose, session)
                if self._keeper is not None:
                    self._keeper.wake()
            else:
                self.put(session)
        elif self._was_resynced(session):
            self.put(session)
        else:
            self._return(self._desk.ledger.taint, session)

    # When it is not simple.

    def _wait(self, timeout: float | None, site: CodeType, line: int) -> S:
        """Stand in line for a session."""
        self._resume_keeping()
        desk = self._desk
        start = desk.now()
        timeout = self.default_timeout if timeout is None else timeout
        waiter = ThreadWaiter(site, line)
        try:
            desk.tell(desk.ledger.ask, waiter)
            desk.wait(waiter, math.inf if timeout is None else start + timeout)
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
        unbound = "" if self._database is not None else "; it is not bound to a database: call bind() first"
        what = PoolTimeout(f"{self.name}: no session within {waited:.3g} s ({self._desk.snapshot()}){unbound}")
        what.__cause__ = self._desk.ledger.failure
        return what

    def _looks_alive(self, session: S) -> bool:
        """Glance at a session that is about to be lent; a database that fails to look counts it as dead."""
        assert self._database is not None
        try:
            return self._database.glance(session)
        except Exception:
            return False
        except BaseException:
            self._return(self._desk.ledger.taint, session)
            raise

    def _get_another(self, dead: S, timeout: float | None, site: CodeType, line: int) -> S:
        """Get a session that looks alive, in what is left of the time."""
        timeout = self.default_timeout if timeout is None else timeout
        until = math.inf if timeout is None else self._desk.now() + timeout
        while True:
            self._return(self._desk.ledger.bury, dead)
            session = self._wait(max(0.0, until - self._desk.now()), site, line)
            if self._looks_alive(session):
                return session
            dead = session

    def _put_with_care(self, session: S) -> None:
        """Check a session in that the database may have to reset; if it cannot tell, the session is ended."""
        assert self._database is not None
        ledger = self._desk.ledger
        ledger.claim(session)
        try:
            left_open = self._database.needs_reset(session)
        except BaseException as error:
            self._return(ledger.taint, session)
            if not isinstance(error, Exception):
                raise
            log.warning("%s: cannot tell whether a session needs a reset, so it is replaced: %r", self.name, error)
        else:
            self._return(ledger.reset if left_open else ledger.check_in, session)

    def _was_resynced(self, session: S) -> bool:
        """Ask the database to vouch for a session whose holder was interrupted."""
        assert self._database is not None
        try:
            return self._database.resync(session)
        except Exception:
            return False

    def _return(self, event: Callable[[S, float], Sequence[Order] | None], session: S) -> None:
        """Check a session in by way of any of the ledger's events for that."""
        self._desk.ledger.claim(session)
        self._desk.tell(event, session)
