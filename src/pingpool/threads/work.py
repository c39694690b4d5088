"""The work: one job of the ledger becomes one call to the database, under a deadline, and one report.

This runs in the crew's threads. Whatever a method of the database raises, however unlikely (BaseException included), is
taken for the failure of that one job.

The deadline of a job begins when the job does. A job still in the queue is given up when nobody in the crew has begun
anything for as long: then the whole crew hangs, and whoever waits for the job would wait for ever.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Generic

from pingpool.core.orders import End, Job, Order, Outcome
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, S
from pingpool.database import Database
from pingpool.errors import BadSession
from pingpool.ground import journal
from pingpool.ground.questions import failure_of, forget_frames, judge, overrides
from pingpool.threads.crew import Crew
from pingpool.threads.desk import Desk
from pingpool.threads.watch import Moment


class Call:
    """Jobs on their way through the crew, and the moment from which they take too long."""

    __slots__ = ("began_at", "deadline", "jobs")

    def __init__(self, jobs: list[Job]) -> None:
        """Start in the queue."""
        self.jobs = jobs
        self.began_at: float | None = None
        self.deadline: Moment | None = None


class Work(Generic[S]):
    """Does the jobs of one desk on one database."""

    def __init__(
        self, desk: Desk[S], database: Database[S], crew: Crew, *, labels: Mapping[str, str], io_timeout: float
    ) -> None:
        """Sessions are made with `labels`; no call may take longer than `io_timeout` seconds."""
        self._desk = desk
        self._ledger = desk.ledger
        self._database = database
        self._crew = crew
        self._labels = labels
        self._io_timeout = io_timeout
        self._makes_many = overrides(database, "create_many", Database)
        self._checks = overrides(database, "check", Database)
        self._aborts = overrides(database, "abort", Database)
        self._began_at = desk.now()
        self._calls: Mapping[object, Callable[[Job], None]] = {
            CREATING: self._make,
            CHECKING: self._check,
            RESETTING: self._reset,
            CLOSING: self._end,
        }

    def take(self, jobs: list[Job]) -> None:
        """Have the jobs done by the crew, side by side."""
        if self._makes_many:
            to_make = [job for job in jobs if job.kind is CREATING]
            jobs = [job for job in jobs if job.kind is not CREATING]
            if to_make:
                self._send(Call(to_make), self._make_many)
        for job in jobs:
            self._send(Call([job]), self._do)

    def _send(self, call: Call, do: Callable[[Call], None]) -> None:
        """Give the call to the crew, and watch over it."""
        self._watch(call, self._desk.now())
        self._crew.take(partial(self._carry_through, call, do))

    def _carry_through(self, call: Call, do: Callable[[Call], None]) -> None:
        """Do what is still wanted of the call."""
        try:
            self._begin(call)
            call.jobs = [job for job in call.jobs if self._desk.start(job)]
            if call.jobs:
                do(call)
        finally:
            call.jobs = []
            if call.deadline is not None:
                call.deadline.cancel()

    def _do(self, call: Call) -> None:
        """Do the one job of this call."""
        for job in call.jobs:
            self._calls[job.kind](job)

    def _make(self, job: Job) -> None:
        try:
            session = self._database.create(labels=self._labels, timeout=self._io_timeout)
        except BaseException as error:
            self._report_failure(job, error)
        else:
            self._desk.tell(self._deliver, job, session)

    def _make_many(self, call: Call) -> None:
        """Make sessions for several slots by one call, and ask again while the database gives some but not all."""
        try:
            while call.jobs:
                wanted = call.jobs
                sessions = self._database.create_many(len(wanted), labels=self._labels, timeout=self._io_timeout)
                if not sessions:
                    raise BadSession("the database's create_many returned no session at all")
                for job, session in zip(wanted, sessions, strict=False):
                    self._desk.tell(self._deliver, job, session)
                for session in sessions[len(wanted) :]:
                    self._crew.take(partial(self._delete, session))
                call.jobs = wanted[len(sessions) :]
                self._begin(call)
        except BaseException as error:
            for job in call.jobs:
                self._report_failure(job, error)

    def _deliver(self, job: Job, session: S, now: float) -> list[Order]:
        """Bring a new session to the ledger; refuse what cannot be pooled."""
        if session is None or self._ledger.knows(session):
            what = "None" if session is None else "a session that the pool has already"
            error = BadSession(f"the database's create returned {what}")
            return self._ledger.report(job, Outcome(End.FAILED, error=error), now)
        return self._ledger.report(job, Outcome(End.CREATED, session), now)

    def _check(self, job: Job) -> None:
        quickly = job.urgent and self._checks
        error = self._attempt(self._database.check if quickly else self._database.ping, job)
        forget_frames(error)
        if error is None:
            self._report(job, Outcome(End.SEEN_ALIVE if quickly else End.ALIVE))
        elif judge(self._database.is_transient, error):
            self._report(job, Outcome(End.IN_DOUBT, error=error))
        else:
            self._report(job, Outcome(End.GONE))

    def _reset(self, job: Job) -> None:
        error = self._attempt(self._database.reset, job)
        forget_frames(error)
        if error is None:
            self._report(job, Outcome(End.ALIVE))
        elif judge(self._database.is_lost, error):
            self._report(job, Outcome(End.GONE))
        else:
            self._report(job, Outcome(End.IN_DOUBT, error=error))

    def _end(self, job: Job) -> None:
        self._delete(job.session)
        self._report(job, Outcome(End.CLOSED))

    def _delete(self, session: S) -> None:
        try:
            self._database.delete(session, timeout=self._io_timeout)
        except BaseException as error:
            journal.debug("%s: a session could not be ended properly: %r", self._desk.name, error)

    def _attempt(self, call: Callable[..., object], job: Job) -> BaseException | None:
        """Make a call about the job's session, and return its error, if any."""
        try:
            call(job.session, timeout=self._io_timeout)
        except BaseException as error:
            return error
        return None

    def _report(self, job: Job, outcome: Outcome) -> None:
        """Report how a job ended."""
        self._desk.tell(self._ledger.report, job, outcome)

    def _report_failure(self, job: Job, error: BaseException) -> None:
        """Report that no session could be made."""
        journal.info("%s: cannot make a session: %r", self._desk.name, error)
        self._report(job, failure_of(error, self._database))

    # Deadlines.

    def _begin(self, call: Call) -> None:
        """Count the time that the call takes from now on."""
        self._began_at = call.began_at = self._desk.now()

    def _watch(self, call: Call, since: float) -> None:
        """Look after the call when it may have taken too long."""
        call.deadline = self._desk.watch.at(since + self._io_timeout, partial(self._look_after, call))

    def _look_after(self, call: Call) -> None:
        """Give the jobs up if they have taken too long, or cannot begin since the whole crew hangs."""
        if not call.jobs:
            return
        since = self._began_at if call.began_at is None else call.began_at
        if self._desk.now() < since + self._io_timeout:
            self._watch(call, since)
            return
        given_up: list[Job] = []
        for job in call.jobs:
            self._desk.tell(self._give_up, job, given_up)
        for job in given_up:
            if self._aborts and job.started and job.session is not None:
                threading.Thread(target=self._abort, args=(job.session,), daemon=True).start()

    def _give_up(self, job: Job, given_up: list[Job], now: float) -> list[Order]:
        """Tell the ledger, and note whether the job was still on its books."""
        if job in self._ledger.jobs:
            given_up.append(job)
        return self._ledger.report(job, Outcome(End.OVERRAN), now)

    def _abort(self, session: S) -> None:
        """Try to free the worker that hangs, from a thread of its own: if that hangs too, it costs no worker."""
        try:
            self._database.abort(session)
        except BaseException:
            journal.exception("%s: a hanging call could not be aborted", self._desk.name)
