"""The ledger: the one place that decides what happens to every slot of a pool.

The theory. A pool has `size` slots for life. Each is in exactly one place: `vacant`, the `idle` queue, `lent`, or
`jobs` (the crew has work for it). Whatever happens to a session is a call to one method here. It takes the time, moves
slots, and returns the orders that follow from it; the caller carries them out after its turn is over, and tells
the ledger how they ended.

The rules:

1.  The idle queue is ordered by proof of life, oldest first: a ping that succeeded, or a return that nothing speaks
    against. The front is the next to be lent and the next to be pinged.
2.  A session is fresh while its whole interval has not passed since its proof, nobody died since, and it is not too
    old. Only the fresh are lent. A session proven this very moment is fresh whatever the interval.
3.  Waiters are served strictly first come, first served, by hand-over: the state of the session changes in the very
    step that decides who gets it. Nobody waits while a fresh session is idle; nobody waits while an overdue one is
    idle, unless a check is under way for each who waits, or checks pause because they proved nothing.
4.  A slot under a job is reserved alone. Each job ends in one report; a report of a job that is off the books is late,
    and a session that comes with it is ended.
5.  Creation belongs to nobody: vacant slots are filled as `creation` allows, and what is made goes to the waiter in
    front or to idle.
6.  A death in use casts suspicion on every session proven before it: none is lent before a new proof. One that was
    lent meanwhile is no better, however well its use ended: it may have been used before the death and not since.
7.  A slot enters its new place before it leaves the old one (see `places`), so an interrupt loses none.
"""

import math
from types import CodeType

from pingpool.core.orders import Job, Order, Round, Waiter
from pingpool.core.places import S
from pingpool.core.rules import AHEAD, Rules
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, Slot
from pingpool.errors import Overrun, PoolClosed, TooManyWaiters

DOUBTS = 3
"""After so many bursts of checks in a row that proved nothing, a session nobody can vouch for is replaced."""


class Ledger(Rules[S]):
    """Everything that can happen to the slots of one pool."""

    # The fast way: a free and fresh session goes out, comes back, and nothing else is to be done.

    def check_out(self, now: float, site: CodeType | None, instruction: int) -> S | None:
        """Lend the session whose proof is oldest, if it is fresh; otherwise None, and the caller has to `ask`."""
        idle = self.idle
        if not idle or self.letterbox:
            return None
        slot = idle[0]
        if (
            now - slot.proven_at >= self.interval
            or slot.proven_at <= self.suspected_at
            or (self.ages and now >= slot.retires_at)
        ):
            return None
        session: S = slot.session
        self.lent[id(session)] = slot
        slot.state = IN_USE
        slot.session = None
        slot.site = site
        slot.instruction = instruction
        idle.popleft()
        self.at_once += 1
        return session

    def check_in(self, session: S, now: float) -> list[Order] | None:
        """Take a session back; its interval starts anew. None means that nothing is to be done."""
        key = id(session)  # no letter has come, so whatever is lent is alive, and no other object can have its id
        try:
            slot = self.lent[key]
        except KeyError:
            return self._refuse(session)
        if (
            self.waiters
            or self.letterbox
            or slot.proven_at <= self.suspected_at
            or (self.ages and now >= slot.retires_at)
        ):
            return self._receive(session, now)
        slot.proven_at = now
        slot.session = session
        self.idle.append(slot)
        slot.state = IDLE
        del self.lent[key]
        return None

    # The other ways in which a session comes back.

    def lose(self, session: S, now: float) -> list[Order]:
        """Take back a session that turned out to be dead: its slot is free at once, the idle come under suspicion."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        self.suspected_at = max(self.suspected_at, now)
        self._give_up(slot, "lost", session)
        del self.lent[id(session)]
        return self._settle(now)

    def bury(self, session: S, now: float) -> list[Order]:
        """Take back a session that a glance showed to be dead before anybody used it: nobody else is suspected."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        self._give_up(slot, "gone", session)
        del self.lent[id(session)]
        return self._settle(now)

    def taint(self, session: S, now: float) -> list[Order]:
        """Take back a session that nobody can vouch for: it is ended before its slot is used again."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        self._end(slot, "tainted", session)
        del self.lent[id(session)]
        return self._settle(now)

    def reset(self, session: S, now: float) -> list[Order]:
        """Take back a session in which something was left open."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        if self.closed:
            self._end(slot, "closed", session)
        else:
            self._begin(RESETTING, slot, session)
        del self.lent[id(session)]
        return self._settle(now)

    def adopt(self, session: S, dead: S | None, now: float) -> list[Order]:
        """Take in a session made elsewhere: in place of a lent one that died, or in a slot that nobody fills yet."""
        self._read_letters()
        stands_for = None if dead is None else self.claim(dead)
        if self.knows(session) or not (stands_for or self.vacant or self.closed):
            return self._refuse(session)
        if dead is not None and stands_for is not None:
            self.suspected_at = max(self.suspected_at, now)
            self._give_up(stands_for, "lost", dead)
            del self.lent[id(dead)]
        if self.closed:
            return self._end_late(session, now)
        slot = self.vacant[-1]
        self._welcome(slot, session, now)
        self._land(slot, session)
        self.vacant.pop()
        return self._settle(now)

    # Waiting.

    def ask(self, waiter: Waiter, now: float) -> list[Order]:
        """Put the waiter in line. It may have its answer at once: a session, or the error that refuses it."""
        if self.closed:
            waiter.error = PoolClosed("the pool is closed and lends no more sessions")
            return []
        self.waiters[waiter] = None
        orders = self._settle(now)
        if waiter.is_over:
            return orders
        if len(self.waiters) > self.max_waiters:
            self.tally["refused"] += 1
            waiter.error = TooManyWaiters(f"{self.max_waiters} callers wait already, and max_waiters lets no more wait")
            del self.waiters[waiter]
        elif self.refusal is not None and self._is_hopeless() and not self.under_way[CREATING]:
            orders += self._turn_away(self.refusal)
        return orders

    def abandon(self, waiter: Waiter, now: float) -> list[Order]:
        """End a wait from the caller's side; a session that reached it too late goes to the next in line."""
        if waiter in self.waiters:
            self.tally["timed out"] += 1
            del self.waiters[waiter]
        elif waiter.session is not None:
            session, waiter.session = waiter.session, None
            slot = self.lent[id(session)]
            if self.closed:
                self._end(slot, "closed", session)
            else:
                self._shelve(slot, session)
            del self.lent[id(session)]
        return self._settle(now)

    # The pool as a whole.

    def fill(self, round: Round, now: float) -> list[Order]:
        """Have every vacant slot filled, now and whenever one falls vacant; the round ends with the first attempts."""
        self.filling = not self.closed
        self.creation.reset()
        self.failure = self.refusal = None
        round.vacated.update(self.vacant)
        return self._join(round, now)

    def ping(self, round: Round, now: float) -> list[Order]:
        """Have every idle session checked that is due, each once; the round includes replacing those that are gone."""
        self._read_letters()
        for _ in range(self._due(now)):
            slot = self.idle[0]
            round.jobs.add(self._begin(CHECKING, slot, slot.session))
            self.idle.popleft()
        if now >= self._renewal_at():
            slot = min(self.idle, key=lambda slot: slot.retires_at)
            round.jobs.add(self._end(slot, "too old", slot.session))
            self.idle.remove(slot)
        self.rounds.append(round)
        return self._settle(now)

    def clear(self, round: Round, now: float) -> list[Order]:
        """End every session that is not lent, and fill no slot until the next `fill`."""
        self._read_letters()
        self.filling = False
        for job in list(self.jobs):
            if job.kind is CREATING and not job.started and job.slot is not None:
                self._withdraw(job, job.slot)
            elif job.kind is not CLOSING:
                self._doom(job)
        while self.idle:
            self._end(self.idle[0], "cleared", self.idle[0].session)
            self.idle.popleft()
        return self._join(round, now)

    def close(self, round: Round, now: float) -> list[Order]:
        """Lend nothing more: every waiter is told, and what is lent is ended when it comes back."""
        self.closed = True
        self.suspected_at = math.inf  # what comes back from now on takes the slow way
        return self._turn_away(PoolClosed("the pool was closed while the caller waited")) + self.clear(round, now)

    def tick(self, now: float) -> list[Order]:
        """Time has passed, or a letter has come: do what had to wait for it."""
        return self._settle(now)

    # The reports: each job ends in exactly one of them.

    def start(self, job: Job) -> bool:
        """Return whether the job is still to be done; from now on it can only be reported, not withdrawn."""
        if job.started or job not in self.jobs:
            return False
        job.started = True
        job.ordered_after = self.suspected_at
        return True

    def made(self, job: Job, session: S, now: float) -> list[Order]:
        """Report a new session."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(session, now)
        self._read_letters()  # the session may live at the address of one that was dropped
        slot = job.slot
        self.creation.succeeded()
        self.failure = self.refusal = None
        self.tally["made"] += 1
        self._welcome(slot, session, now)
        if job.doomed:
            self._conclude(job, self._end(slot, "cleared", session))
        else:
            self._settle_down(job, slot, session, now)
        return self._settle(now)

    def failed(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report that no session could be made; what was ordered and not begun waits until the pause is over."""
        if job in self.jobs and job.slot is not None:
            self.failure = error
            for round in self.rounds:
                if job in round.jobs:
                    round.failure = error
            self.creation.failed(now)
            self.tally["failed"] += 1
            self._withdraw(job, job.slot)
            for other in list(self.jobs):
                if other.kind is CREATING and not other.started and other.slot is not None:
                    self._withdraw(other, other.slot)
        return self._settle(now)

    def refused(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report a failure that will not heal by itself: if there is no session to wait for, the waiters are told."""
        if job not in self.jobs:
            return self._settle(now)
        self.refusal = error
        orders = self.failed(job, error, now)
        return orders + self._turn_away(error) if self._is_hopeless() else orders

    def alive(self, job: Job, now: float) -> list[Order]:
        """Report that a check, or a reset, proved the session."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        slot = job.slot
        if not self.creation.failures:
            self.failure = None
        if job.kind is CHECKING:
            self.doubt.succeeded()
            self.tally["pings"] += 1
            for round in self.rounds:
                round.proved += job in round.jobs
        if job.doomed or now >= slot.retires_at:
            self._conclude(job, self._end(slot, "cleared" if job.doomed else "too old", job.session))
        else:
            self._settle_down(job, slot, job.session, now)
        return self._settle(now)

    def sighted(self, job: Job, now: float) -> list[Order]:
        """Report that a quick check saw the session alive, which need not prolong its life: enough for a waiter.

        If none is left to use it now, it is checked again, in the way that counts for later.
        """
        if self.waiters or job.doomed or job not in self.jobs or job.slot is None:
            return self.alive(job, now)
        self._conclude(job, self._begin(CHECKING, job.slot, job.session))
        return self._settle(now)

    def gone(self, job: Job, now: float) -> list[Order]:
        """Report that the session of a check or a reset is dead."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        self._give_up(job.slot, "gone", job.session)
        self._conclude(job)
        return self._settle(now)

    def in_doubt(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report that a check, or a reset, failed without saying that the session is dead."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        self.failure = error
        if job.kind is CHECKING:
            self.doubt.failed(now)
        if job.kind is RESETTING or job.doomed or self.doubt.failures >= DOUBTS:
            self._conclude(job, self._end(job.slot, "in doubt", job.session))
        else:
            self._distrust(job.slot, job.session)
            self._conclude(job)
        return self._settle(now)

    def ended(self, job: Job, now: float) -> list[Order]:
        """Report that a session was ended, well or not."""
        if job in self.jobs:
            if job.slot is not None:
                self._vacate(job.slot)
            self._conclude(job)
        return self._settle(now)

    def overran(self, job: Job, now: float) -> list[Order]:
        """Report that a job took too long: its slot goes on without it, and whatever it still brings is ended."""
        if job not in self.jobs:
            return self._settle(now)
        self.tally["overran"] += 1
        error = Overrun(f"the database took longer than io_timeout (the session was {job.kind.value})")
        if job.kind is CREATING:
            return self.failed(job, error, now)
        if job.kind is not CLOSING and not job.started:  # the whole crew hangs: nobody has seen this session
            return self.in_doubt(job, error, now)
        if job.kind is not CLOSING:
            self.replaced["overran"] += 1
            self.failure = error
        session = job.session
        if job.kind is CLOSING and not job.started and job.slot is not None:
            self._begin(CLOSING, None, session)  # still to be ended, but its slot need not wait for that
        orders = self.ended(job, now)
        job.session = session  # a late report will bring it
        return orders

    # Steps that several of these share.

    def _settle_down(self, job: Job, slot: Slot, session: S, now: float) -> None:
        """A session comes alive from a job: good to be lent, unless somebody died while the job went on."""
        if job.ordered_after < self.suspected_at:
            self._distrust(slot, session)
        else:
            slot.proven_at = now
            self._land(slot, session)
        self._conclude(job)

    def _welcome(self, slot: Slot, session: S, now: float) -> None:
        """Give a new session to the slot."""
        slot.tether = self._tether(session)
        slot.proven_at = now
        slot.retire_at(now + self.lifetime * (1 - AHEAD / 2 * self.jitter()))

    def _receive(self, session: S, now: float) -> list[Order]:
        """Take back a session that cannot simply go to idle."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        if self.closed or now >= slot.retires_at:
            self._end(slot, "closed" if self.closed else "too old", session)
        elif slot.proven_at <= self.suspected_at:
            self._distrust(slot, session)
        else:
            slot.proven_at = now
            self._shelve(slot, session)
        del self.lent[id(session)]
        return self._settle(now)

    def _end_late(self, session: S, now: float) -> list[Order]:
        """End a session that comes with a late report."""
        self._begin(CLOSING, None, session)
        return self._settle(now)

    def _join(self, round: Round, now: float) -> list[Order]:
        """Let the round wait for all that is under way."""
        round.jobs |= self.jobs
        self.rounds.append(round)
        return self._settle(now)
