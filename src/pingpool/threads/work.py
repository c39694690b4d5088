"""The work: one job of the ledger becomes one call to the database, under a deadline, and one report.

This runs in the crew's threads. Whatever a method of the database raises, however unlikely (BaseException included), is
taken for the failure of that one job.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Generic

from pingpool.core.orders import Job, Order
from pingpool.core.places import S
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING
from pingpool.database import Database
from pingpool.errors import BadSession
from pingpool.threads.crew import Crew
from pingpool.threads.desk import Desk
from pingpool.threads.watch import Moment

log = logging.getLogger("pingpool")


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
        self._makes_many = overrides(database, "create_many")
        self._aborts = overrides(database, "abort")
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
                self._crew.take(partial(self._make_many, to_make))
        for job in jobs:
            self._crew.take(partial(self._do, job))

    def _do(self, job: Job) -> None:
        """Do one job, unless it was withdrawn before anybody began."""
        if not self._desk.start(job):
            return
        alarm = self._deadline(job)
        try:
            self._calls[job.kind](job)
        finally:
            alarm.cancel()

    def _make(self, job: Job) -> None:
        try:
            session = self._database.create(labels=self._labels, timeout=self._io_timeout)
        except BaseException as error:
            self._report_failure(job, error)
        else:
            self._desk.tell(self._deliver, job, session)

    def _make_many(self, jobs: list[Job]) -> None:
        """Make sessions for several slots by one call, and ask again while the database gives some but not all."""
        wanted = [job for job in jobs if self._desk.start(job)]
        while wanted:
            alarms = [self._deadline(job) for job in wanted]
            try:
                sessions = list(self._database.create_many(len(wanted), labels=self._labels, timeout=self._io_timeout))
                if not sessions:
                    raise BadSession("the database's create_many returned no session at all")
            except BaseException as error:
                for job in wanted:
                    self._report_failure(job, error)
                return
            finally:
                for alarm in alarms:
                    alarm.cancel()
            for job, session in zip(wanted, sessions, strict=False):
                self._desk.tell(self._deliver, job, session)
            for session in sessions[len(wanted) :]:
                self._crew.take(partial(self._delete, session))
            wanted = wanted[len(sessions) :]

    def _deliver(self, job: Job, session: S, now: float) -> list[Order]:
        """Bring a new session to the ledger; refuse what cannot be pooled."""
        if session is None or self._ledger.knows(session):
            what = "None" if session is None else "a session that the pool has already"
            return self._ledger.failed(job, BadSession(f"the database's create returned {what}"), now)
        return self._ledger.made(job, session, now)

    def _check(self, job: Job) -> None:
        try:
            self._database.ping(job.session, timeout=self._io_timeout)
        except BaseException as error:
            if judge(self._database.is_transient, error):
                self._desk.tell(self._ledger.in_doubt, job, error)
            else:
                self._desk.tell(self._ledger.gone, job)
        else:
            self._desk.tell(self._ledger.alive, job)

    def _reset(self, job: Job) -> None:
        try:
            self._database.reset(job.session, timeout=self._io_timeout)
        except BaseException as error:
            if judge(self._database.is_lost, error):
                self._desk.tell(self._ledger.gone, job)
            else:
                self._desk.tell(self._ledger.in_doubt, job, error)
        else:
            self._desk.tell(self._ledger.alive, job)

    def _end(self, job: Job) -> None:
        self._delete(job.session)
        self._desk.tell(self._ledger.ended, job)

    def _delete(self, session: S) -> None:
        try:
            self._database.delete(session, timeout=self._io_timeout)
        except BaseException as error:
            log.debug("%s: a session could not be ended properly: %r", self._desk.name, error)

    def _report_failure(self, job: Job, error: BaseException) -> None:
        """Report that no session could be made."""
        log.info("%s: cannot make a session: %r", self._desk.name, error)
        fatal = judge(self._database.is_fatal, error)
        self._desk.tell(self._ledger.refused if fatal else self._ledger.failed, job, error)

    def _deadline(self, job: Job) -> Moment:
        """Set the moment from which the job takes too long."""
        return self._desk.watch.at(self._desk.now() + self._io_timeout, partial(self._overrun, job))

    def _overrun(self, job: Job) -> None:
        """Give the job up, and try to free the worker that hangs in it; if that hangs too, it costs no worker."""
        self._desk.tell(self._ledger.overran, job)
        if self._aborts and job.session is not None:
            threading.Thread(target=self._database.abort, args=(job.session,), daemon=True).start()


def overrides(database: Database[S], method: str) -> bool:
    """Does the database bring its own version of this optional method?"""
    return getattr(type(database), method) is not getattr(Database, method) or method in vars(database)


def judge(question: Callable[[BaseException], bool], error: BaseException) -> bool:
    """Ask the database what an error means; if it cannot say, the error means nothing special."""
    try:
        return question(error)
    except Exception:
        log.exception("the database could not tell what %r means", error)
        return False
