"""One small world, and everything that may happen in it.

A session that was dropped is the worst kind there is: the next one created gets its place in memory, hence its `id`.
"""

import math
from collections.abc import Callable
from typing import Any

from pingpool.core.orders import End, Job, Order, Outcome, Refused, Round, Verdict, Waiter
from pingpool.core.reports import WELL, YOUTH
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, RESETTING, Slot
from pingpool.errors import PoolDeadlock

from .memory import proof_of
from .model import Broken, Session, check, check_given_up, is_deadlock, is_fresh, sessions_of
from .small import UNIT, Held, dropped
from .stage import Stage

ERROR = ConnectionError("the database is away")

OWN_END = 3 * UNIT
"""In how many seconds a session ends that has an end of its own."""


class World(Stage):
    """A stage on which all this may happen; `place` says to which of its kind."""

    __slots__ = ()

    def step(self, _: int) -> None:
        """Time passes, and nobody tells the ledger yet."""
        self.now += UNIT

    def tick(self, _: int) -> None:
        """Somebody tells the ledger."""
        self.settle(self.ledger.tick(self.now))

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

    def adopt(self, _: int) -> None:
        """Somebody brings a session that was created elsewhere."""
        newcomer = self._new_session()
        self.settle(self.ledger.adopt(newcomer, None, self.now))

    def adopt_in_vain(self, _: int) -> None:
        """Somebody brings a session, and there is no slot for it."""
        orders = self.ledger.adopt(Session(-1), None, self.now)
        if not any(isinstance(order, Refused) for order in orders):
            raise Broken("a session was taken in for which there is no slot")
        self.settle(orders)

    def swap(self, _: int) -> None:
        """Somebody brings a session in place of one that the pool has created meanwhile."""
        newcomer = self._new_session()
        idle = len(self.ledger.idle)
        if idle:
            self._part_from(self.ledger.idle[-1].session)
        self.settle(self.ledger.swap(newcomer, self.now))
        if not (idle or self.ledger.places.jobs.count(CLOSING)) and id(newcomer) not in sessions_of(self.ledger):
            raise Broken("a session that is welcome was not taken in")

    def adopt_for(self, place: int) -> None:
        """A session died in the hands of its caller, who brings another in its place."""
        self.memory.died_at = self.now
        newcomer = self._new_session()
        dead = self.held.pop(place)
        self.settle(self.ledger.adopt(newcomer, dead, self.now))
        check_given_up(self.ledger, dead)

    def adopt_for_stranger(self, _: int) -> None:
        """Somebody brings a session in place of one that is not lent."""
        newcomer = self._new_session()
        self.settle(self.ledger.adopt(newcomer, Session(-1), self.now))

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

    # What is heard.

    def hung_up(self, place: int) -> None:
        """The other side hangs up on an idle session, which is replaced at once."""
        slot = self.ledger.idle[place]
        session = slot.session
        self.memory.died()
        self._remember_youth(slot)
        self._hear(slot, session)
        check_given_up(self.ledger, session)
        if any(job.session is session and job.slot is not None for job in self.ledger.jobs):
            raise Broken("a session is under a job of its slot although the other side has hung up")

    def hung_up_on_the_way(self, place: int) -> None:
        """The other side hangs up on a session that has reached a caller who has not seen it yet."""
        session = self.served[place].session
        self._hear(self.ledger.lent[id(session)], session)

    def hung_up_in_use(self, place: int) -> None:
        """The other side hangs up on a session in the hands of its caller; nobody else is suspected for now."""
        session, suspected_at = self.held[place], self.ledger.suspected_at
        self._hear(self.ledger.lent[id(session)], session)
        if not self.ledger.is_lent(session) or self.ledger.suspected_at != suspected_at:
            raise Broken("a hang-up that was heard took a session from its caller, or cast suspicion")

    def hung_up_under_job(self, place: int) -> None:
        """The other side hangs up on a session that is checked, reset, or waits aside to be replaced."""
        job = self.jobs[place]
        slot, session = job.slot, job.session
        assert slot is not None
        if job.kind is CREATING:
            self.memory.died()
            self._remember_youth(slot)
        self._hear(slot, session)
        if job.kind is CREATING and job.session is not None:
            raise Broken("a session waits aside although the other side has hung up")

    def hung_up_before(self, place: int) -> None:
        """The other side had hung up on a session that was in this slot once: that is nobody's business now."""
        self.tick(0)
        before = self._whereabouts()
        self.settle(self.ledger.hung_up(self.ledger.places.slots[place], Held(Session(-1)), self.now))
        if self._whereabouts() != before:
            raise Broken("a hang-up hit somebody else")

    def _whereabouts(self) -> list[tuple[object, ...]]:
        """Return all of each slot that a hang-up may change."""
        heard = self.ledger.places.hangups.heard
        return [(slot.state, slot.proven_at, slot.ref, heard.get(slot)) for slot in self.ledger.places.slots]

    def _hear(self, slot: Slot, session: object) -> None:
        self.memory.heard(session)
        self.settle(self.ledger.hung_up(slot, slot.ref, self.now))

    def _is_over(self, session: object) -> bool:
        """Was it heard that the other side has hung up on this session?"""
        return id(session) in self.memory.hung_up

    def left_open(self, place: int) -> None:
        """A caller left something open."""
        self._reset(Verdict.LEFT_OPEN, place)

    def erred(self, place: int) -> None:
        """A caller met an error of its own, which says nothing against the session, but it may hold locks."""
        self._reset(Verdict.MAY_HOLD_LOCKS, place)

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

    def start(self, place: int) -> None:
        """A worker begins to create a session."""
        if not self.ledger.start(self.jobs[place]) or self.ledger.start(self.jobs[place]):
            raise Broken("a job on the books is started once")

    def created(self, place: int) -> None:
        """A session was created."""
        self._create(place, math.inf)

    def short_lived(self, place: int) -> None:
        """A session was created that ends by itself."""
        self._create(place, OWN_END)

    def failed(self, place: int) -> None:
        """No session could be created."""
        self.memory.failed(self.now)
        self._report(self.jobs[place], Outcome(End.FAILED, error=ERROR))
        self._check_withdrawn()

    def stillborn(self, place: int) -> None:
        """A session was created that cannot be lent: that is a failure, and the session is ended."""
        session = self._new_session()
        self.memory.failed(self.now)
        self._report(self.jobs[place], Outcome(End.FAILED, session, ERROR))
        self._check_withdrawn()
        check_given_up(self.ledger, session)

    def no_worker(self, place: int) -> None:
        """No worker can be had: nobody has begun the job, and that says nothing of its session."""
        job = self.jobs[place]
        if self._is_over(job.session):
            self._bury(job, Outcome(End.IN_DOUBT, error=ERROR))
            return
        if job.kind is CREATING:
            self.memory.failed(self.now)
        elif job.kind is CHECKING:
            self.memory.doubted(self.now)
        end = End.FAILED if job.kind is CREATING else End.IN_DOUBT
        self._report(job, Outcome(end, error=ERROR))
        if job.kind is CREATING:
            self._check_withdrawn()
        else:
            self.memory.check_doubt(job)

    def refused(self, place: int) -> None:
        """No session can be created, and waiting will not help."""
        self.memory.failed(self.now)
        self._report(self.jobs[place], Outcome(End.REFUSED, error=ERROR))
        self._check_withdrawn()

    def unreachable(self, place: int) -> None:
        """There is no server to create a session."""
        self.memory.away(self.now)
        self._report(self.jobs[place], Outcome(End.UNREACHABLE, error=ERROR))
        self._check_withdrawn()

    def alive(self, place: int) -> None:
        """A check or a reset proved the session."""
        job = self.jobs[place]
        if self._is_over(job.session):
            self._bury(job, Outcome(End.ALIVE))
            return
        if job.kind is CHECKING:
            self.memory.proved()
        slot = job.slot
        is_due = slot is not None and not job.unwanted and self.ledger.serving.may_renew(slot, self.now)
        replaced = self.ledger.places.tally.replaced
        gone = replaced["gone"]
        self._report(job, Outcome(End.ALIVE))
        if replaced["gone"] != gone:
            raise Broken("a session is alive, and is given up for dead")
        if is_due and slot is not None and slot.state not in (CREATING, CLOSING):
            raise Broken("a session that is to be renewed was made fit, and kept")

    def seen_alive(self, place: int) -> None:
        """A quick check saw the session alive: that is a proof for a waiter, or for who comes in the next moment."""
        job = self.jobs[place]
        slot, session = job.slot, job.session
        if self._is_over(session):
            self._bury(job, Outcome(End.SEEN_ALIVE))
            return
        self.memory.proved()
        is_enough = bool(self.ledger.waiters) or job.unwanted
        if not is_enough and job.trusted_after >= self.memory.died_at:
            self.memory.saw(session, self.now)
        self._report(job, Outcome(End.SEEN_ALIVE))
        if not is_enough and not any(other.slot is slot and other.session is session for other in self.ledger.jobs):
            raise Broken("a session that was seen alive in vain is not checked again")

    def gone(self, place: int) -> None:
        """A check or a reset found the session dead."""
        self._bury(self.jobs[place], Outcome(End.GONE))

    def in_doubt(self, place: int) -> None:
        """A check or a reset proved nothing."""
        job = self.jobs[place]
        if self._is_over(job.session):
            self._bury(job, Outcome(End.IN_DOUBT, error=ERROR))
            return
        if job.kind is CHECKING:
            self.memory.doubted(self.now)
        self._report(job, Outcome(End.IN_DOUBT, error=ERROR))
        self.memory.check_doubt(job)

    def kept(self, place: int) -> None:
        """A check failed, and that says nothing of its session."""
        job = self.jobs[place]
        slot, session = job.slot, job.session
        self.memory.doubted(self.now)
        self._report(job, Outcome(End.KEPT, error=ERROR))
        if slot is not None and slot.state is CLOSING and not job.unwanted:
            raise Broken(f"{session} was ended by an error that says nothing of it")

    def unfit(self, place: int) -> None:
        """What was left in a session cannot be undone: it is ended, and lent to nobody."""
        job = self.jobs[place]
        session, unfit = job.session, Outcome(End.UNFIT, error=ERROR, reason="left open")
        if self._is_over(session):
            self._bury(job, unfit)
            return
        self._report(job, unfit)
        check_given_up(self.ledger, session)

    def ended(self, place: int) -> None:
        """A session was ended; that it is said twice does no harm."""
        job = self.jobs[place]
        self._part_from(job.session)
        self.settle(self.ledger.report(job, Outcome(End.CLOSED), self.now))
        self.settle(self.ledger.report(job, Outcome(End.OVERRAN), self.now))

    def left(self, place: int) -> None:
        """A session could not be ended."""
        self.settle(self.ledger.report(self.jobs[place], Outcome(End.LEFT, error=ERROR), self.now))

    def overran(self, place: int) -> None:
        """A job took too long."""
        job = self.jobs[place]
        if job.kind is CREATING:
            self.memory.failed(self.now)
        else:
            self._remember_death(job)
        self._part_from(job.session)
        self.settle(self.ledger.report(job, Outcome(End.OVERRAN), self.now))
        if job.session is not None:
            check_given_up(self.ledger, job.session)
        if self.config.late and self.ghost is None:
            self.ghost = job

    def late_end(self, _: int) -> None:
        """What took too long was done after all: it changes nothing, and its session is ended."""
        ghost = self._vanish()
        if ghost.kind is CREATING:
            session: Any = self._new_session()
            self.settle(self.ledger.report(ghost, Outcome(End.CREATED, session), self.now))
        else:
            session = ghost.session
            self.settle(self.ledger.report(ghost, Outcome(End.ALIVE), self.now))
        check_given_up(self.ledger, session)

    def late_failure(self, _: int) -> None:
        """What took too long failed in the end: it changes nothing."""
        ghost = self._vanish()
        line = self.line.copy()
        if ghost.kind is CREATING:
            self.settle(self.ledger.report(ghost, Outcome(End.REFUSED, error=ERROR), self.now))
        else:
            self._report_dead(ghost, Outcome(End.GONE))
        if any(waiter.error is not None for waiter in line):
            raise Broken("a late failure turned a waiter away")

    def ping(self, _: int) -> None:
        """Somebody has the idle sessions checked."""
        self._call(self.ledger.ping)

    def fill(self, _: int) -> None:
        """Somebody binds the pool; what failed before is forgiven."""
        self.memory.forgiven()
        self._call(self.ledger.fill)

    def fill_on_demand(self, enough: int) -> None:
        """Somebody binds the pool, and waits for some sessions; all others are opened on demand."""
        self.memory.forgiven()
        self._call(self.ledger.fill_on_demand, enough)

    def expect(self, enough: int) -> None:
        """Somebody waits until so many sessions are open."""
        self._call(self.ledger.expect, enough)

    def forgo(self, place: int) -> None:
        """Whoever waited for the end of a round waits no more."""
        round = self.ledger.places.jobs.rounds[place]
        self.settle(self.ledger.forgo(round, self.now))

    def renew(self, _: int) -> None:
        """Somebody has all sessions renewed, also those that are being opened."""
        begun = [job for job in self.jobs if job.kind is CREATING and job.started and self.ledger.filling]
        self.settle(self.ledger.renew(self.now))
        if not all(job.outdated for job in begun):
            raise Broken("a session that was being opened is not to be renewed")

    def clear(self, _: int) -> None:
        """Somebody clears the pool."""
        self._call(self.ledger.clear)
        if self.ledger.places.left:
            raise Broken("a session that could not be ended is not ended when the pool is cleared")

    def close(self, _: int) -> None:
        """Somebody closes the pool."""
        self._call(self.ledger.close)
        if self.line:
            raise Broken("a waiter was not told that the pool is closed")

    # How it happens.

    def _call(self, call: Callable[[Round, float], list[Order]], enough: float = math.inf) -> None:
        round = Round()
        round.enough = enough
        self.settle(call(round, self.now))
        if not self.config.rounds:
            self.ledger.places.jobs.rounds.clear()

    def _create(self, place: int, expires_in: float) -> None:
        """A session was created; its slot is dated by it, and not by the one before."""
        job, slot = self.jobs[place], self.jobs[place].slot
        assert slot is not None
        self.memory.created()
        self._report(self.jobs[place], Outcome(End.CREATED, self._new_session(), expires_in=expires_in))
        earliest, latest = (self.now + min(expires_in, self.ledger.lifetime * share) for share in (0.9, 1.0))
        if not earliest <= slot.retires_at <= latest:
            raise Broken("a session may be lent after its end, or only until that of another")
        if job.outdated and not job.unwanted and slot not in self.ledger.serving.renewal.old:
            raise Broken("a session that was being opened when all were to be renewed is taken for new")

    def _report(self, job: Job, outcome: Outcome) -> None:
        """Report on a job; a round that waited for it waits for the end of a session that is not wanted."""
        rounds = [round for round in self.ledger.places.jobs.rounds if job in round.jobs]
        self.settle(self.ledger.report(job, outcome, self.now))
        if (
            job.unwanted
            and job.slot is not None
            and job.slot.state is CLOSING
            and any(round.is_over for round in rounds)
        ):
            raise Broken("a round is over, and what followed from its job is not")
        if outcome.end in WELL and self.ledger.places.left:
            raise Broken("the database is well, and a session that could not be ended is not ended now")

    def _collect(self, session: object) -> None:
        """Clear the weak reference of a session that is lent, as the garbage collector does."""
        self.ledger.lent[id(session)].ref = dropped
        self.ledger.collected.append(dropped)

    def _leave_collected(self, place: int) -> None:
        """A caller who was collected leaves; the session has been in a finaliser's hands and is lent to nobody."""
        waiter = self.served.pop(place)
        session = waiter.session
        self.settle(self.ledger.abandon(waiter, self.now))
        check_given_up(self.ledger, session)
        if waiter.session is not None:
            raise Broken("a waiter that was collected kept its session")

    def _check_withdrawn(self) -> None:
        if any(job.kind is CREATING and not job.started for job in self.ledger.jobs):
            raise Broken("an order to create a session outlives the failure of another")

    def _give_up(self, verdict: Verdict, place: int) -> None:
        session = self.held.pop(place)
        self.settle(self.ledger.take_back(session, verdict, self.now))
        check_given_up(self.ledger, session)

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

    def _bury(self, job: Job, outcome: Outcome) -> None:
        """A job reports on a session that is dead, whether the job knows or not."""
        self._remember_death(job)
        if job.slot is not None:
            self._remember_youth(job.slot)
        self._report_dead(job, outcome)

    def _report_dead(self, job: Job, outcome: Outcome) -> None:
        session = job.session
        self.settle(self.ledger.report(job, outcome, self.now))
        check_given_up(self.ledger, session)

    def _remember_loss(self, slot: Slot) -> None:
        """Remember that a session died in use."""
        self.memory.died_at = self.now
        self.memory.died()
        self._remember_youth(slot)

    def _remember_death(self, job: Job) -> None:
        """Remember the death that a job is about to report: if it came in use, all others are suspect."""
        if job.kind is CHECKING:
            self.memory.died()
        if job.after_error:
            self.memory.died_at = self.now

    def _remember_youth(self, slot: Slot) -> None:
        """Remember that a session dies which nobody has proven yet."""
        is_new = slot.created_at is not None and proof_of(self.ledger, slot) <= slot.made_at
        if slot.created_at is not None and is_new and self.now - slot.created_at < YOUTH:
            self.memory.belied(slot.created_at, self.now)

    def _vanish(self) -> Job:
        ghost, self.ghost = self.ghost, None
        assert ghost is not None
        return ghost
