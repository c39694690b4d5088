"""What workers report of their jobs, in time or late."""

import math
from typing import Any

from pingpool.core.orders import End, Job, Outcome
from pingpool.core.reports import WELL
from pingpool.core.slot import CHECKING, CLOSING, CREATING

from .model import Broken, check_given_up
from .small import UNIT
from .stage import Stage

ERROR = ConnectionError("the database is away")

OWN_END = 3 * UNIT
"""In how many seconds a session ends that has an end of its own."""


class Workers(Stage):
    """`place` says on which job."""

    __slots__ = ()

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

    def _check_withdrawn(self) -> None:
        if any(job.kind is CREATING and not job.started for job in self.ledger.jobs):
            raise Broken("an order to create a session outlives the failure of another")

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

    def _report_dead(self, job: Job, outcome: Outcome) -> None:
        session = job.session
        self.settle(self.ledger.report(job, outcome, self.now))
        check_given_up(self.ledger, session)

    def _bury(self, job: Job, outcome: Outcome) -> None:
        """A job reports on a session that is dead, whether the job knows or not."""
        self._remember_death(job)
        if job.slot is not None:
            self._remember_youth(job.slot)
        self._report_dead(job, outcome)

    def _vanish(self) -> Job:
        ghost, self.ghost = self.ghost, None
        assert ghost is not None
        return ghost

    def _remember_death(self, job: Job) -> None:
        """Remember the death that a job is about to report: if it came in use, all others are suspect."""
        if job.kind is CHECKING:
            self.memory.died()
        if job.after_error:
            self.memory.died_at = self.now
