"""What callers do: ask, wait, leave, use a session, and give it back in whatever state."""

import math

from pingpool.core.orders import Round, Verdict, Waiter
from pingpool.core.slot import IDLE, RESETTING, Slot
from pingpool.errors import PoolDeadlock

from .memory import proof_of
from .model import Broken, check, check_given_up, is_deadlock, is_fresh, sessions_of
from .small import dropped
from .stage import Stage


class Callers(Stage):
    """`place` says which caller it is, among those in line, those served, or those that hold a session."""

    __slots__ = ()

    def get(self, _: int) -> None:
        """A caller asks for a session."""
        self._ask(Waiter(None, 0))

    def nest(self, place: int) -> None:
        """A caller asks for another session inside the block of one that it holds."""
        waiter = Waiter(None, 0)
        waiter.blocks = [self.ledger.lent[id(self.held[place])].use]
        self._ask(waiter)
        if isinstance(waiter.error, PoolDeadlock) and not is_deadlock(self.ledger, [*self.line, waiter]):
            raise Broken("a false alarm: not every session is held by those who wait")

    def _ask(self, waiter: Waiter) -> None:
        self.blocks += 1
        waiter.block = self.blocks
        session = self.ledger.check_out(self.now, None, 0, 0, self.blocks)
        if session is not None:
            if self.line:
                raise Broken("a newcomer overtook those in line")
            self.memory.check_lent(self.ledger, self.ledger.lent[id(session)], self.now)
            self.held.append(session)
            check(self.ledger, self.now, settled=False)
            return
        idle = self.ledger.idle
        if idle and not self.ledger.collected and is_fresh(self.ledger, idle[0], self.now):
            raise Broken("a fresh session was not lent by the fast way")
        orders = self.ledger.ask(waiter, self.now)
        if waiter.error is None or waiter in orders:
            self.line.append(waiter)
        self.settle(orders)

    def time_out(self, place: int) -> None:
        """A caller in line gives up."""
        waiter = self.line.pop(place)
        self.settle(self.ledger.abandon(waiter, self.now))
        if waiter.is_over:
            raise Broken("a waiter that left was answered")

    def pick_up(self, place: int) -> None:
        """A caller finds its session."""
        self.held.append(self.served.pop(place).session)

    def leave_late(self, place: int) -> None:
        """A caller gives up although a session has reached it."""
        waiter = self.served.pop(place)
        session = waiter.session
        if self._is_over(session) and not self.ledger.closed:
            self.memory.died()
            self._remember_youth(self.ledger.lent[id(session)])
        self.settle(self.ledger.abandon(waiter, self.now))
        if waiter.session is not None:
            raise Broken("a waiter that left kept its session")

    def collected(self, place: int) -> None:
        """A caller is garbage-collected in one cycle with the session that has reached it: its last act is to leave."""
        self._collect(self.served[place].session)
        self._leave_collected(place)

    def collected_and_freed(self, place: int) -> None:
        """The same, and somebody comes to the ledger in between."""
        self._collect(self.served[place].session)
        living = self.served[place]
        self.settle(self.ledger.tick(self.now))
        self._leave_collected(self.served.index(living))

    def _leave_collected(self, place: int) -> None:
        """A caller who was collected leaves; the session has been in a finaliser's hands and is lent to nobody."""
        waiter = self.served.pop(place)
        session = waiter.session
        self.settle(self.ledger.abandon(waiter, self.now))
        check_given_up(self.ledger, session)
        if waiter.session is not None:
            raise Broken("a waiter that was collected kept its session")

    def check_in(self, place: int) -> None:
        """A caller returns its session."""
        session = self.held.pop(place)
        slot = self.ledger.lent[id(session)]
        if self._is_over(session):
            self._remember_loss(slot)
            self.settle(self.ledger.check_in(session, self.now) or [])
            check_given_up(self.ledger, session)
            if self.ledger.suspected_at < self.now:
                raise Broken("a session died in use, and nobody else is suspected")
            return
        is_old = slot.proven_at == -math.inf  # it is to be renewed, and its proof of life was put aside
        proven_at = proof_of(self.ledger, slot)
        was_suspect = proven_at <= self.memory.died_at
        is_simple = not (self.ledger.waiters or self.ledger.collected or self.ledger.closed or was_suspect)
        is_simple = is_simple and self.now < slot.retires_at and not is_old
        orders = self.ledger.check_in(session, self.now)
        if was_suspect and not self.memory.is_suspect(slot):
            raise Broken("a suspect came back and was trusted")
        if orders is None:
            check(self.ledger, self.now, settled=False)
        elif is_simple:
            raise Broken("a session that is well was not taken back by the fast way")
        elif slot.state is IDLE and not was_suspect and self.memory.is_suspect(slot):
            raise Broken("a session that is well came back and was not trusted")
        else:
            self.settle(orders)

    def lost(self, place: int) -> None:
        """A session died in the hands of its caller."""
        self._remember_loss(self.ledger.lent[id(self.held[place])])
        self._give_up(Verdict.LOST, place)

    def found_dead(self, place: int) -> None:
        """A session was found dead before its caller used it."""
        self.memory.died()
        self._remember_youth(self.ledger.lent[id(self.held[place])])
        self._give_up(Verdict.GONE, place)

    def tainted(self, place: int) -> None:
        """A caller was interrupted in the middle of a use."""
        self._give_up(Verdict.TAINTED, place)

    def discard(self, place: int) -> None:
        """A caller wants its session ended; nobody else is suspected for that."""
        suspected_at = self.ledger.suspected_at
        self._give_up(Verdict.DISCARDED, place)
        if self.ledger.suspected_at != suspected_at:
            raise Broken("a session that was discarded casts suspicion")

    def detach(self, place: int) -> None:
        """A caller keeps its session for good."""
        session = self.held.pop(place)
        self._part_from(session)
        self.settle(self.ledger.detach(session, self.now))
        if id(session) in sessions_of(self.ledger):
            raise Broken("a session that was detached is still the pool's")

    def left_open(self, place: int) -> None:
        """A caller left something open."""
        self._reset(Verdict.LEFT_OPEN, place)

    def erred(self, place: int) -> None:
        """A caller met an error of its own, which says nothing against the session, but it may hold locks."""
        self._reset(Verdict.MAY_HOLD_LOCKS, place)

    def _reset(self, verdict: Verdict, place: int) -> None:
        session = self.held.pop(place)
        if self._is_over(session):
            self._remember_loss(self.ledger.lent[id(session)])
            self.settle(self.ledger.take_back(session, verdict, self.now))
            check_given_up(self.ledger, session)
            return
        orders = self.ledger.take_back(session, verdict, self.now)
        told = [job.after_error for job in self.ledger.jobs if job.session is session and job.kind is RESETTING]
        if not self.ledger.closed and told != [verdict is Verdict.MAY_HOLD_LOCKS]:
            raise Broken("a worker is told wrongly whether locks may be held")
        self.settle(orders)

    def unproven(self, place: int) -> None:
        """A caller met an error, of which nobody knows whether it was the session's."""
        session = self.held.pop(place)
        if self._is_over(session):
            self._remember_loss(self.ledger.lent[id(session)])
        self.settle(self.ledger.take_back(session, Verdict.UNPROVEN, self.now))

    def prove(self, place: int) -> None:
        """A caller wants its session proven, not back, and waits for that."""
        session = self.held.pop(place)
        self.settle(self.ledger.prove(session, Round(), self.now))
        if not self.ledger.closed and not any(job.session is session for job in self.ledger.jobs):
            raise Broken("a session is to be proven, and nobody checks it")

    def drop(self, place: int) -> None:
        """A caller forgets its session, which is collected."""
        session = self.held.pop(place)
        self._part_from(session)
        self._collect(session)

    def _give_up(self, verdict: Verdict, place: int) -> None:
        session = self.held.pop(place)
        self.settle(self.ledger.take_back(session, verdict, self.now))
        check_given_up(self.ledger, session)

    def _collect(self, session: object) -> None:
        """Clear the weak reference of a session that is lent, as the garbage collector does."""
        self.ledger.lent[id(session)].ref = dropped
        self.ledger.collected.append(dropped)

    def _remember_loss(self, slot: Slot) -> None:
        """Remember that a session died in use."""
        self.memory.died_at = self.now
        self.memory.died()
        self._remember_youth(slot)
