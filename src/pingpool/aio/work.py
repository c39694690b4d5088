"""The work: one job of the ledger becomes one call to the database, under a deadline, and one report.

This runs in the crew's tasks. Whatever a method of the database raises, however unlikely, is taken for the failure of
that one job. A cancel or an interrupt is that too, and goes its way after the report.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic

from pingpool.aio.crew import Crew
from pingpool.aio.desk import Desk
from pingpool.core.orders import End, Job, Order, Outcome
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, S, State
from pingpool.database import AsyncDatabase
from pingpool.errors import BadSession
from pingpool.ground import journal
from pingpool.ground.questions import failure_of, forget_frames, judge, overrides

NAMES: Mapping[State, str] = {
    CREATING: "make a session",
    CHECKING: "ping a session",
    RESETTING: "reset a session",
    CLOSING: "end a session",
}
"""What the tasks are called, behind the name of the pool."""


class Work(Generic[S]):
    """Does the jobs of one desk on one database."""

    def __init__(
        self, desk: Desk[S], database: AsyncDatabase[S], crew: Crew, *, labels: Mapping[str, str], io_timeout: float
    ) -> None:
        """Sessions are made with `labels`; no call may take longer than `io_timeout` seconds."""
        self._desk = desk
        self._ledger = desk.ledger
        self._database = database
        self._crew = crew
        self._labels = labels
        self._io_timeout = io_timeout
        self._makes_many = overrides(database, "create_many", AsyncDatabase)
        self._checks = overrides(database, "check", AsyncDatabase)
        self._deadlines: dict[Job, tuple[float, asyncio.Task[Any]]] = {}
        self._calls: Mapping[State, Callable[[Job], Coroutine[Any, Any, None]]] = {
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
                self._crew.take(f"make {len(to_make)} sessions", partial(self._make_many, to_make))
        for job in jobs:
            self._crew.take(NAMES[job.kind], partial(self._do, job))

    def expire(self, now: float) -> float:
        """Give up what takes too long: its slot goes on without it. Return when something else will."""
        late = {job: task for job, (until, task) in self._deadlines.items() if until <= now}
        for job in late:
            del self._deadlines[job]
            self._report(job, Outcome(End.OVERRAN))
        for task in set(late.values()):
            self._crew.give_up(task)
        return min((until for until, _ in self._deadlines.values()), default=math.inf)

    async def _do(self, job: Job) -> None:
        """Do one job, unless it was withdrawn before anybody began."""
        if self._ledger.start(job):
            with self._deadline([job]):
                await self._calls[job.kind](job)

    async def _make(self, job: Job) -> None:
        try:
            session = await self._database.create(labels=self._labels, timeout=self._io_timeout)
        except BaseException as error:
            self._report_failure([job], error)
        else:
            self._desk.tell(self._deliver, job, session)

    async def _make_many(self, jobs: list[Job]) -> None:
        """Make sessions for several slots by one call, and ask again while the database gives some but not all."""
        wanted = [job for job in jobs if self._ledger.start(job)]
        while wanted:
            try:
                with self._deadline(wanted):
                    sessions = list(
                        await self._database.create_many(len(wanted), labels=self._labels, timeout=self._io_timeout)
                    )
                if not sessions:
                    raise BadSession("the database's create_many returned no session at all")
            except BaseException as error:
                self._report_failure(wanted, error)
                return
            for job, session in zip(wanted, sessions, strict=False):
                self._desk.tell(self._deliver, job, session)
            for session in sessions[len(wanted) :]:
                self._crew.take("end a session too many", partial(self._delete, session))
            wanted = wanted[len(sessions) :]

    def _deliver(self, job: Job, session: S, now: float) -> list[Order]:
        """Bring a new session to the ledger; refuse what cannot be pooled."""
        if session is None or self._ledger.knows(session):
            what = "None" if session is None else "a session that the pool has already"
            error = BadSession(f"the database's create returned {what}")
            return self._ledger.report(job, Outcome(End.FAILED, error=error), now)
        return self._ledger.report(job, Outcome(End.CREATED, session), now)

    async def _check(self, job: Job) -> None:
        quickly = job.urgent and self._checks
        error = await self._attempt(self._database.check if quickly else self._database.ping, job)
        if error is None:
            self._report(job, Outcome(End.SEEN_ALIVE if quickly else End.ALIVE))
        elif judge(self._database.is_transient, error):
            self._report(job, Outcome(End.IN_DOUBT, error=error))
        else:
            self._report(job, Outcome(End.GONE))
        let_pass(error)

    async def _reset(self, job: Job) -> None:
        error = await self._attempt(self._database.reset, job)
        if error is None:
            self._report(job, Outcome(End.ALIVE))
        elif judge(self._database.is_lost, error):
            self._report(job, Outcome(End.GONE))
        else:
            self._report(job, Outcome(End.IN_DOUBT, error=error))
        let_pass(error)

    async def _end(self, job: Job) -> None:
        try:
            await self._delete(job.session)
        finally:
            self._report(job, Outcome(End.CLOSED))

    async def _delete(self, session: S) -> None:
        try:
            await self._database.delete(session, timeout=self._io_timeout)
        except BaseException as error:
            self._heed(error)
            journal.debug("%s: a session could not be ended properly: %r", self._desk.name, error)
            let_pass(error)

    async def _attempt(self, call: Callable[..., Awaitable[object]], job: Job) -> BaseException | None:
        """Make a call about the job's session, and return its error, if any."""
        try:
            await call(job.session, timeout=self._io_timeout)
        except BaseException as error:
            self._heed(error)
            forget_frames(error)
            return error
        return None

    def _report(self, job: Job, outcome: Outcome) -> None:
        """Report how a job ended."""
        self._desk.tell(self._ledger.report, job, outcome)

    def _report_failure(self, jobs: Collection[Job], error: BaseException) -> None:
        """Report that no session could be made."""
        self._heed(error)
        journal.info("%s: cannot make a session: %r", self._desk.name, error)
        outcome = failure_of(error, self._database)
        for job in jobs:
            self._report(job, outcome)
        let_pass(error)

    def _heed(self, error: BaseException) -> None:
        """Tell the crew of a cancel, before the report brings it new jobs."""
        if isinstance(error, asyncio.CancelledError):
            self._crew.heed(asyncio.current_task())

    @contextmanager
    def _deadline(self, jobs: Collection[Job]) -> Generator[None]:
        """Set the moment from which the jobs, in this task, take too long."""
        task = asyncio.current_task()
        assert task is not None
        until = self._desk.now() + self._io_timeout
        self._deadlines.update(dict.fromkeys(jobs, (until, task)))
        self._desk.watch.by(until)
        try:
            yield
        finally:
            for job in jobs:
                self._deadlines.pop(job, None)


def let_pass(error: BaseException | None) -> None:
    """Raise again what no task may keep to itself."""
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit):
        raise error
