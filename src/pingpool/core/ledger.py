"""The ledger: the one place that decides what happens to every slot of a pool.

The theory. A pool has `size` slots for life. Each is in exactly one place: vacant, idle, lent, or under a job of the
workers. Whatever happens to a session is a call to one method here. It takes the time, moves slots, and returns the
orders that follow; the caller carries them out after its turn is over, and reports how each job ended.

All events come in here. The ledger has its parts: the moves between places (`places`), what is learned of the path
(`learner`), what follows from an event (`serving`), what a keeper does (`keeping`), how jobs end (`reports`), how
sessions come back (`returns`), which are to be renewed (`renewal`). `places.hear` is told all; no rule depends on it.

1.  The idle queue is ordered by proof of life, oldest first: a ping that succeeded, or a return that nothing speaks
    against. The front is the next to be lent and the next to be pinged.
2.  A session is fresh while its whole interval has not passed since its proof, nobody died since, and it is not too
    old. Only the fresh are lent. A session proven this very moment is fresh whatever the interval.
3.  Waiters are served strictly first come, first served, by hand-over: the state of the session changes in the very
    step that decides who gets it. Nobody waits while a fresh session is idle; nobody waits while an overdue one is
    idle, unless a check is under way for each who waits, or checks pause because they proved nothing.
4.  A slot under a job is reserved alone. Each job ends in one report; a report of a job that is off the books is late,
    and a session that comes with it is ended.
5.  Creation belongs to nobody: vacant slots are filled as the back-off allows, and what is created goes to the waiter
    in front or to idle. On demand only as many are filled as somebody waits for with no job under way for him;
    one more whenever the first in line and the last attempt are a quarter of a second old, as a job may hang; and one
    after a session that had to be ended before it could be renewed.
6.  A death in use casts suspicion on every session proven before it: none is lent before a new proof. One that was
    lent meanwhile is no better, however well its use ended: it may have been used before the death and not since.
7.  What checks find, dead or alive, tells from which idle age on the path drops sessions (see `limit`). An interval
    that is learned stays below that. To learn more, one session at a time, the canary, is left alone for longer.
8.  If a session dies before anybody has proven it, by a check or a use that ended well, no new one is trusted: until
    one is proven, each further one that dies so is a creation that failed.
9.  Sessions that are to be renewed go one at a time, and only when no other slot is out of use (see `renewal`).
10. A newcomer whose wait could never end, since all sessions are held by blocks of those in line, is refused at once.
11. A hang-up that is heard ends an idle session at once, any other one when it comes back; never one that came later.
12. What a quick check saw alive in vain is at hand for a second at most, for who comes next; then it is pinged.
13. A slot enters its new place before it leaves the old one (see `places`), so an interrupt loses none.
"""

import math
from collections.abc import Callable
from types import CodeType
from typing import Generic, Literal

from pingpool.core.freshness import Freshness
from pingpool.core.histogram import SHORT
from pingpool.core.keeping import Keeping
from pingpool.core.learner import Learner
from pingpool.core.orders import Job, Order, Outcome, Round, Verdict, Waiter
from pingpool.core.pacing import Pacing
from pingpool.core.places import Places
from pingpool.core.proving import Proving
from pingpool.core.reports import Reports
from pingpool.core.returns import Returns
from pingpool.core.serving import Serving
from pingpool.core.slot import CLOSING, CREATING, IDLE, IN_USE, AgingSlot, S, Slot
from pingpool.core.uses import SINCE
from pingpool.errors import PoolClosed, PoolDeadlock, PoolFull, TooManyWaiters


class Ledger(Freshness, Generic[S]):
    """Everything that can happen to the slots of one pool.

    The fast ways find at once what they need: the containers of the parts, and the figures of `Freshness`. So the
    ledger is itself what its parts ask how long a proof of life counts.
    """

    __slots__ = (
        "collected",
        "idle",
        "immediate",
        "jobs",
        "keeping",
        "learner",
        "lent",
        "places",
        "reports",
        "returns",
        "rounds",
        "serving",
        "size",
        "uses",
        "vacant",
        "waiters",
    )

    def __init__(
        self,
        size: int,
        *,
        interval: float | Literal["auto"],
        jitter: Callable[[], float],
        lifetime: float = math.inf,
        max_waiters: float = math.inf,
        slots: Callable[[], Slot] | None = None,
    ) -> None:
        """Start with `size` vacant slots that nobody fills yet. `interval` and `lifetime` are seconds."""
        slots = slots or (AgingSlot if lifetime < math.inf else Slot)
        super().__init__(0.0 if interval == "auto" else float(interval), lifetime, jitter)
        self.size = size
        self.places = places = Places(tuple(slots() for _ in range(size)), max_waiters)
        self.learner = Learner(interval, self, places.orders)
        self.serving = Serving(places, self, jitter)
        proving, pacing = Proving(size, jitter), Pacing(jitter())
        self.keeping = Keeping(places, self, self.learner, self.serving.doubt, proving, pacing)
        self.reports = Reports(places, self, self.learner, self.serving)
        self.returns = Returns(places, self, self.learner, self.serving, self.reports)
        self.immediate = 0
        self.vacant = places.vacant.slots
        self.idle = places.idle.slots
        self.lent = places.lent.slots
        self.collected = places.lent.collected
        self.waiters = places.line.waiters
        self.jobs = places.jobs.open
        self.rounds = places.jobs.rounds
        self.uses = places.tally.uses

    # The fast way: a free and fresh session goes out, comes back, and nothing else is to be done.

    def check_out(
        self, now: float, site: CodeType | None, instruction: int, holder: int = 0, block: int = 0
    ) -> S | None:
        """Lend the session whose proof is oldest, if it is fresh; otherwise None, and the caller has to `ask`."""
        idle = self.idle
        if not idle or self.collected:
            return None
        slot = idle[0]
        if (
            now - slot.proven_at >= self.interval
            or slot.proven_at <= self.suspected_at
            or (self.has_lifetimes and now >= slot.retires_at)
        ):
            return None
        session: S = slot.session
        self.lent[id(session)] = slot
        idle.popleft()  # before the state changes: after that no interrupt can come here
        slot.state = IN_USE
        slot.session = (site, instruction, now, holder, block)
        self.immediate += 1
        return session

    def check_in(self, session: S, now: float) -> list[Order] | None:
        """Take a session back; its interval starts anew. None means that nothing is to be done."""
        key = id(session)  # none was collected, so whatever is lent is alive, and no other object can have its id
        lent = self.lent
        try:
            slot = lent[key]
        except KeyError:
            return self.returns.refuse(session)
        if self.collected or slot.proven_at <= self.suspected_at or (self.has_lifetimes and now >= slot.retires_at):
            return self.take_back(session, Verdict.WELL, now)
        if self.waiters:
            return self.returns.pass_straight_on(slot, session, now)
        held = now - slot.session[SINCE]
        slot.proven_at = now
        self.idle.append(slot)
        slot.session = session
        slot.state = IDLE
        del lent[key]
        if held > SHORT:
            self.uses.note(held)
        else:
            self.uses.seconds += held
        return None

    # The other ways in which a session comes back.

    def take_back(self, session: S, verdict: Verdict, now: float) -> list[Order]:
        """Take a session back, by what is known of it."""
        return self.returns.take_back(session, verdict, now)

    def adopt(self, session: S, dead: S | None, now: float) -> list[Order]:
        """Take in a session created elsewhere: in place of a lent one that died, or in a slot nobody fills yet."""
        return self.returns.adopt(session, dead, now)

    def swap(self, session: S, now: float) -> list[Order]:
        """Take in a session created elsewhere, in place of one of the pool's that is not lent."""
        return self.returns.swap(session, now)

    def prove(self, session: S, round: Round, now: float) -> list[Order]:
        """Have a session checked that its holder wants proven, and not back; the round includes replacing it."""
        return self.returns.prove(session, round, now)

    def detach(self, session: S, now: float) -> list[Order]:
        """Let a lent session go: it is its holder's from now on, and its slot is free for another."""
        return self.returns.detach(session, now)

    def hung_up(self, slot: Slot, ref: object, now: float) -> list[Order]:
        """It was heard that the other side hung up on the session that had this reference, in this slot."""
        self.returns.hear_hang_up(slot, ref, now)
        return self.serving.settle(now)

    def is_lent(self, session: object) -> bool:
        """Is this very object in somebody's hands?"""
        return self.places.lent.slot_of(session) is not None

    def knows(self, session: S) -> bool:
        """Is this very object in the pool already?"""
        return self.places.knows(session)

    def rejection(self, session: S) -> PoolFull | None:
        """Say why this object cannot be taken back, if it cannot."""
        return self.places.rejection(session)

    # Waiting.

    def ask(self, waiter: Waiter, now: float) -> list[Order]:
        """Put the waiter in line. It may have its answer at once: a session, or the error that refuses it."""
        if self.closed:
            waiter.error = PoolClosed("the pool is closed and lends no more sessions")
            return []
        line = self.places.line
        waiter.since = now
        line.enter(waiter)
        orders = self.serving.settle(now)
        if waiter.is_over:
            return orders
        if line.is_too_long:
            self.places.tally.refused += 1
            waiter.error = TooManyWaiters(f"{line.most} callers wait already, and max_waiters lets no more wait")
            line.leave(waiter)
        elif waiter.blocks and self.places.are_all_held_in_line(waiter, now):
            self.places.tally.refused += 1
            waiter.error = PoolDeadlock("every session is held by those who wait for another one")
            line.leave(waiter)
        elif not self.places.jobs.count(CREATING):
            self.reports.turn_away_if_hopeless()
        return orders + self.places.take_orders()

    def abandon(self, waiter: Waiter, now: float) -> list[Order]:
        """End a wait from the caller's side; a session that reached it too late goes to the next in line."""
        if waiter in self.waiters:
            self.places.tally.timed_out += 1
            self.places.tally.waits.note(now - waiter.since)
            self.places.line.leave(waiter)
        elif waiter.session is not None:
            session, waiter.session = waiter.session, None
            self.returns.pass_on(session, now)
        return self.serving.settle(now)

    # The pool as a whole.

    def fill(self, round: Round, now: float) -> list[Order]:
        """Have every vacant slot filled, now and whenever one falls vacant; the round ends with the first attempts."""
        return self._begin(self.size, round, now)

    def fill_on_demand(self, round: Round, now: float) -> list[Order]:
        """Have vacant slots filled from now on as somebody waits for a session, or for sessions to be open."""
        return self._begin(0, round, now)

    def expect(self, round: Round, now: float) -> list[Order]:
        """Have `enough` sessions open, and keep the round until they are; or until it is known that there are none."""
        if self.closed:
            round.failure, round.is_over = PoolClosed("the pool is closed and opens no more sessions"), True
            return []
        round.fills = round.lasts = True
        self.rounds.append(round)
        orders = self.serving.settle(now)
        if not self.places.jobs.count(CREATING):
            self.reports.turn_away_if_hopeless()
        return orders + self.places.take_orders()

    def forgo(self, round: Round, now: float) -> list[Order]:
        """Nobody waits for the round any more."""
        if round in self.rounds:
            self.rounds.remove(round)
        return self.serving.settle(now)

    def ping(self, round: Round, now: float) -> list[Order]:
        """Have every idle session checked that is due, each once; the round includes replacing those that are gone."""
        places = self.places
        places.see_to_dropped(now)
        self.learner.look_at_oldest(self.idle, places.tally.replaced.total(), now)
        for slot in self.keeping.due(now):
            round.jobs.add(self.serving.check(slot, now))
            self.idle.remove(slot)
        too_old = self.keeping.to_renew(now)
        if too_old is not None:
            round.jobs.add(places.end(too_old, "too old", too_old.session, now))
            self.idle.remove(too_old)
        places.jobs.rounds.append(round)
        return self.serving.settle(now)

    def renew(self, now: float) -> list[Order]:
        """Have every session that is open now replaced by a new one, one after the other."""
        self.places.free_collected(now)
        if self.serving.filling:
            self.serving.renewal.begin()
        return self.serving.settle(now)

    def await_renewal(self, round: Round, now: float) -> list[Order]:
        """Keep the round until no session is to be renewed any more."""
        round.renews = True
        self.rounds.append(round)
        return self.serving.settle(now)

    def clear(self, round: Round, now: float) -> list[Order]:
        """End every session that is not lent, and fill no slot until the next `fill`."""
        places = self.places
        places.free_collected(now)
        self.serving.filling = False
        places.withdraw_creations()
        self.serving.renewal.stop()
        places.hangups.put_proofs_aside()
        for job in list(self.jobs):
            if job.kind is not CLOSING:
                places.jobs.renounce(job)
            if job.kind is CREATING:
                places.let_go_of_old(job, "cleared", now)
        places.end_all_at_rest(now)
        places.jobs.join(round)
        return self.serving.settle(now)

    def close(self, round: Round, now: float) -> list[Order]:
        """Lend nothing more: every waiter is told, and what is lent is ended when it comes back."""
        self.shut()
        reason = PoolClosed("the pool was closed while the caller waited")
        told: list[Order] = [*self.places.line.answer_all(reason), *self.places.jobs.call_off(reason)]
        return told + self.clear(round, now)

    def keep(self) -> None:
        """A keeper calls `ping` from now on: it pings ahead of time, and spreads the pings."""
        self.keeping.kept = True

    def tick(self, now: float) -> list[Order]:
        """Time has passed, or a session was dropped: do what had to wait for it."""
        self.places.see_to_dropped(now)
        return self.serving.settle(now)

    def inherit(self, elder: "Ledger[S]", *, is_bound: bool) -> None:
        """Go on, with slots that are all vacant, in place of a ledger whose sessions belong to another process.

        What the elder has learned stays true. Slots are filled again, on demand, if it filled them for a database that
        is bound.
        """
        self.learner.inherit(elder.learner)
        self.keeping.kept = elder.kept
        self.serving.filling = elder.filling and is_bound
        if elder.closed:
            self.shut()

    # The jobs.

    def start(self, job: Job) -> bool:
        """Return whether the job is still to be done; from now on it can only be reported, not withdrawn."""
        if job.started or job not in self.jobs:
            return False
        job.started = True
        job.trusted_after = self.suspected_at
        return True

    def report(self, job: Job, outcome: Outcome, now: float) -> list[Order]:
        """Report how a job ended. If it is off the books the report is late, and its session is ended."""
        self.reports.take(job, outcome, now)
        return self.serving.settle(now)

    def heal(self) -> list[Order]:
        """Mend what an interrupted call may have left, and return the orders that may have got lost."""
        self.serving.renewal.look_at_all()
        return self.places.heal()

    # What outsiders want to know.

    @property
    def checkouts(self) -> int:
        """How many sessions have been handed to somebody."""
        return self.immediate + self.places.tally.waited

    @property
    def kept(self) -> bool:
        """Does a keeper call `ping`?"""
        return self.keeping.kept

    @property
    def filling(self) -> bool:
        """Are vacant slots filled?"""
        return self.serving.filling

    @property
    def failure(self) -> BaseException | None:
        """The last failure to create or prove a session, if none was created since."""
        reports = self.reports
        early_death = reports.early_death if self.serving.creation.distrusts else None
        return early_death if reports.failure is None else reports.failure

    def wake_at(self, now: float) -> float:
        """Return when to `tick`, because the pause ends that holds something back; infinity if there is none."""
        return self.serving.wake_at(now)

    def next_look_at(self, now: float) -> float:
        """Return when the keeper should look again at what is due."""
        return self.keeping.next_look_at(now)

    # Steps that several of these share.

    def _begin(self, stock: int, round: Round, now: float) -> list[Order]:
        """Fill slots, so many though nobody waits for them; what failed before is forgiven."""
        self.serving.filling, self.serving.stock = not self.closed, stock
        self.reports.forgive()
        round.fills = True
        round.vacated.update(self.vacant)
        self.places.jobs.join(round)
        return self.serving.settle(now)
