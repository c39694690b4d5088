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
7.  What checks find, dead or alive, tells from which idle age on the path drops sessions (see `limit`). An interval
    that is learned stays below that. To learn more, one session at a time, the oldest idle, is left alone for longer.
8.  A slot enters its new place before it leaves the old one (see `places`), so an interrupt loses none.
"""

import math
from types import CodeType

from pingpool.core.orders import End, Job, Order, Outcome, Round, Verdict, Waiter
from pingpool.core.places import S
from pingpool.core.reports import Reports
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, State
from pingpool.errors import PoolClosed, TooManyWaiters


class Ledger(Reports[S]):
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

    def take_back(self, session: S, verdict: Verdict, now: float) -> list[Order]:
        """Take back a session that did not simply come back well."""
        ways = {
            Verdict.LOST: self.lose,
            Verdict.GONE: self.bury,
            Verdict.TAINTED: self.taint,
            Verdict.UNPROVEN: self.verify,
            Verdict.LEFT_OPEN: self.reset,
        }
        return ways[verdict](session, now)

    def report(self, job: Job, outcome: Outcome, now: float) -> list[Order]:
        """Report how a job ended."""
        end, session, error = outcome
        if end is End.CREATED:
            return self.made(job, session, now)
        if error is not None and end in (End.FAILED, End.REFUSED, End.UNREACHABLE, End.IN_DOUBT):
            ways = {
                End.FAILED: self.failed,
                End.REFUSED: self.refused,
                End.UNREACHABLE: self.down,
                End.IN_DOUBT: self.in_doubt,
            }
            return ways[end](job, error, now)
        others = {
            End.ALIVE: self.alive,
            End.SEEN_ALIVE: self.sighted,
            End.GONE: self.gone,
            End.CLOSED: self.ended,
            End.OVERRAN: self.overran,
        }
        return others[end](job, now)

    def lose(self, session: S, now: float) -> list[Order]:
        """Take back a session that turned out to be dead: its slot is free at once, the idle come under suspicion."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        self.creation.take_care()
        self._learn_fall(slot, now)
        self.suspected_at = max(self.suspected_at, now)
        self._give_up(slot, "lost", session)
        del self.lent[id(session)]
        return self._settle(now)

    def bury(self, session: S, now: float) -> list[Order]:
        """Take back a session that a look showed to be dead before anybody used it: nobody else is suspected."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        self._mourn(slot, now - slot.proven_at, now)
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

    def verify(self, session: S, now: float) -> list[Order]:
        """Take back a session whose use ended in an error, so proved nothing: it is checked before it is lent again."""
        return self._take_back_for(CHECKING, session, now)

    def reset(self, session: S, now: float) -> list[Order]:
        """Take back a session in which something was left open."""
        return self._take_back_for(RESETTING, session, now)

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
        self._learn_from_use(now)
        for slot in self._due(now):
            round.jobs.add(self._check(slot, now))
            self.idle.remove(slot)
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

    # Steps that several of these share.

    def _take_back_for(self, kind: State, session: S, now: float) -> list[Order]:
        """Take back a session that a job of this kind has to prove."""
        slot = self.claim(session)
        if slot is None:
            return self._refuse(session)
        if self.closed:
            self._end(slot, "closed", session)
        else:
            self._begin(kind, slot, session).after_error = kind is CHECKING
        del self.lent[id(session)]
        return self._settle(now)

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

    def _join(self, round: Round, now: float) -> list[Order]:
        """Let the round wait for all that is under way."""
        round.jobs |= self.jobs
        self.rounds.append(round)
        return self._settle(now)
