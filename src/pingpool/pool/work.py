"""The work: each job of the ledger becomes one call to the database, and one report.

This runs in the workers of either world. Whatever a method of the database raises, however unlikely, is taken for the
failure of that one job; what a worker may not keep to itself, such as a cancel, goes its way after the report.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any, Generic, NamedTuple

from pingpool.core.orders import End, Job, Order, Outcome
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, S, State
from pingpool.database import AsyncDatabase
from pingpool.errors import BadSession
from pingpool.pool.bugs import Bugs, is_bug
from pingpool.pool.handover import Flaw, Handover
from pingpool.pool.hooks import AnyDatabase, overrides
from pingpool.pool.log import log
from pingpool.pool.outcome import hook_of, outcome_of, seconds_to_live
from pingpool.pool.watching import NOWHERE, Watching
from pingpool.pool.world import Desk, Workers

NAMES: Mapping[State, str] = {
    CREATING: "create a session",
    CHECKING: "ping a session",
    RESETTING: "reset a session",
    CLOSING: "end a session",
}


class Newcomer(NamedTuple):
    """A new session: what is wrong with it, if anything, in how many seconds it ends, and where it is to be watched."""

    session: Any
    flaw: Flaw | None
    expires_in: float = math.inf
    descriptor: int = NOWHERE


class Work(Generic[S]):
    """Does the jobs of one desk on one database."""

    def __init__(
        self,
        desk: Desk[S],
        database: AnyDatabase,
        calls: AsyncDatabase[S],
        workers: Workers,
        *,
        labels: Mapping[str, str],
        io_timeout: float,
    ) -> None:
        """`database` is asked what errors mean; `calls` are its calls, as coroutines. `io_timeout` is seconds."""
        self.desk = desk
        self._database = database
        self._calls = calls
        self._workers = workers
        self._labels = labels
        self._io_timeout = io_timeout
        self._creates_many = overrides(database, "create_many")
        self._may_expire = overrides(database, "expires_in")
        self._bugs = Bugs(desk)
        self._handover = Handover(desk, database, calls, self._bugs, timeout=io_timeout)
        self._watching: Watching[S] = Watching(desk, database, self._bugs)

    def take(self, jobs: list[Job]) -> None:
        """Have the jobs done by the workers, side by side; all sessions that one call can create are one call."""
        if self._creates_many and (together := [job for job in jobs if job.kind is CREATING]):
            self._workers.take(Call(self, together))
            jobs = [job for job in jobs if job.kind is not CREATING]
        for job in jobs:
            self._workers.take(Call(self, [job]))

    def begin(self, call: "Call[S]") -> None:
        """Drop what is not wanted any more; from now on the others can only be reported, not withdrawn."""
        desk = self.desk
        call.jobs = [job for job in call.jobs if desk.look(partial(desk.ledger.start, job))]

    async def advance(self, call: "Call[S]") -> BaseException | None:
        """Ask the database once for what is left of the call, report it, and return the error, if any."""
        self._workers.began(call)
        kind, last = call.jobs[0].kind, call.jobs[-1]
        sessions: deque[S] = deque()
        error: BaseException | None = None
        try:
            await self._ask_for(call.jobs, sessions)
            if kind is CREATING and not sessions:
                raise BadSession("the database's create_many returned no session at all")
        except BaseException as failure:
            self._workers.heed(failure)
            error = failure
        while sessions:  # also those that came before an error
            flaw = await self._prepare(call, sessions[0], error)
            self._deliver(call, last, sessions.popleft(), flaw)
        if error is not None or kind is not CREATING:
            self.report(call, error)
        return error

    async def _prepare(self, call: "Call[S]", session: S, error: BaseException | None) -> Flaw | None:
        """Have a new session made ready; return why it cannot be used. After a cancel there is no time for that."""
        if self._cannot_be_pooled(session):
            return None
        if error is not None and not isinstance(error, Exception):
            return Flaw("create", error)
        call.preparing = session
        try:
            return await self._handover.prepare(session)
        except BaseException as interrupt:
            self._workers.heed(interrupt)
            return Flaw("configure", interrupt)
        finally:
            call.preparing = None

    async def _ask_for(self, jobs: Sequence[Job], sessions: deque[S]) -> None:
        """Make the one call that does these jobs; the sessions that it creates are appended, as they come."""
        job, database, timeout = jobs[0], self._calls, self._io_timeout
        if job.kind is CHECKING:
            quickly = hook_of(job, self._database) == "check"
            await self._handover.prove(job.session, after_error=job.after_error, quickly=quickly)
        elif job.kind is RESETTING and job.after_error:
            await self._handover.free(job.session)
        elif job.kind is RESETTING:
            await self._handover.reset_after(job.left_by, job.session)
        elif job.kind is CLOSING:
            self._watching.forget(job.session)
            await database.delete(job.session, timeout=timeout)
        elif self._creates_many:
            sessions.extend(await database.create_many(len(jobs), labels=self._labels, timeout=timeout))
        else:
            sessions.append(await database.create(labels=self._labels, timeout=timeout))

    # Reports.

    def _deliver(self, call: "Call[S]", last: Job, session: S, flaw: Flaw | None) -> None:
        """Bring a new session to the ledger; one too many comes as a late one, which it has ended."""
        if flaw is not None:
            self._tell(CREATING, flaw.hook, flaw.error)
        newcomer = Newcomer(session, flaw)
        if flaw is None and not self._cannot_be_pooled(session):
            newcomer = Newcomer(session, None, self._seconds_to_live(session), self._watching.descriptor_of(session))
        self.desk.tell(self._created, call, call.jobs[0] if call.jobs else last, newcomer)
        call.jobs = call.jobs[1:]

    def _seconds_to_live(self, session: S) -> float:
        """Ask in how many seconds a new session ends by itself; infinity if nobody knows of an end."""
        return seconds_to_live(session, self._database, self._bugs) if self._may_expire else math.inf

    def _created(self, call: "Call[S]", job: Job, newcomer: "Newcomer", now: float) -> list[Order]:
        """Report a new session, or why there is none that can be lent."""
        session, flaw, expires_in, fd = newcomer
        slot = job.slot
        outcome = Outcome(End.CREATED, session, expires_in=expires_in)
        complaint = self._cannot_be_pooled(session)
        if complaint:
            outcome = Outcome(End.FAILED, error=BadSession(f"the database's create returned {complaint}"))
        elif flaw is not None:
            outcome = outcome_of(job, flaw.error, self._database, self._bugs)._replace(session=session)
        elif call.began_at is not None:
            outcome = outcome._replace(took=now - call.began_at)
            self.desk.ledger.places.tally.creations.note(outcome.took)
        orders = self.desk.ledger.report(job, outcome, now)
        self._watching.watch(fd, slot, session)
        return orders

    def _cannot_be_pooled(self, session: S) -> str:
        """Return what is wrong with what was created, if it is no session, or no new one."""
        if isinstance(session, CoroutineType):
            session.close()
            return "a coroutine, as an `async def` does: those are for an AsyncDatabase"
        if session is None:
            return "None"
        return "a session that the pool has already" if self.desk.ledger.knows(session) else ""

    def report(self, call: "Call[S]", error: BaseException | None) -> None:
        """Report how those jobs of the call ended that have not been reported yet."""
        if not self.desk.is_home():
            return  # its loop was closed over the call
        try:
            if error is not None and call.jobs:
                self._tell(call.jobs[0].kind, hook_of(call.jobs[0], self._database), error)
        finally:  # also if the log is broken
            while call.jobs:
                job = call.jobs[0]
                outcome = outcome_of(job, error, self._database, self._bugs)
                is_kept = error is None and job.kind is not CLOSING
                fd = self._watching.descriptor_of(job.session) if is_kept else NOWHERE
                self.desk.tell(self._reported, job, outcome, fd)
                call.jobs = call.jobs[1:]

    def _reported(self, job: Job, outcome: Outcome, fd: int, now: float) -> list[Order]:
        """Report a job; its session may have another socket by now."""
        slot, session = job.slot, job.session
        orders = self.desk.ledger.report(job, outcome, now)
        self._watching.watch(fd, slot, session)
        return orders

    def _tell(self, kind: State, hook: str, error: BaseException) -> None:
        """Say in the log that the call failed."""
        name = self.desk.name
        if is_bug(error):
            self._bugs.tell(hook, error)
        elif kind is CLOSING:
            log(name).debug("%s: a session could not be ended properly: %r", name, error)

    def could_not_begin(self, call: "Call[S]", error: Exception) -> None:
        """Report that nobody could be had to do the jobs, which says nothing of their sessions."""
        jobs, call.jobs = call.jobs, []
        for job in jobs:
            end = End.FAILED if job.kind is CREATING else End.IN_DOUBT
            self.desk.tell(self.desk.ledger.report, job, Outcome(end, error=error))

    def give_up(self, call: "Call[S]") -> list[Job]:
        """Report that the call takes too long; return the jobs that were still on the books."""
        late: list[Job] = []
        for job in call.jobs:
            self.desk.tell(self._overran, job, late)
        return late

    def _overran(self, job: Job, late: list[Job], now: float) -> list[Order]:
        if job in self.desk.ledger.jobs:
            late.append(job)
        return self.desk.ledger.report(job, Outcome(End.OVERRAN), now)


class Call(Generic[S]):
    """Jobs on their way through the workers, all done by one call to the database, or by few."""

    __slots__ = ("_work", "began_at", "deadline", "jobs", "name", "preparing")

    def __init__(self, work: Work[S], jobs: list[Job]) -> None:
        self._work = work
        self.jobs = jobs
        self.name = NAMES[jobs[0].kind] if len(jobs) == 1 else f"create {len(jobs)} sessions"
        self.began_at: float | None = None
        self.deadline: Any = None
        self.preparing: S | None = None

    async def run(self) -> BaseException | None:
        """Do what is still wanted; a database that creates fewer sessions than asked is asked again for the rest."""
        error: BaseException | None = None
        try:
            self._work.begin(self)
            while self.jobs and error is None:
                error = await self._work.advance(self)
            return error
        except BaseException as further:  # whatever happens between a call and its report, the report is made
            self._work.report(self, further)
            raise

    def overran(self) -> list[Job]:
        """Report that it takes too long; return the jobs that were still on the books."""
        return self._work.give_up(self)

    def fail(self, error: Exception) -> bool:
        """Report that nobody can be had to do it; False if it has to be done all the same, later."""
        if self.jobs and self.jobs[0].kind is CLOSING:
            return False
        self._work.could_not_begin(self, error)
        return True
