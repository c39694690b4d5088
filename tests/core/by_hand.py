"""A pool of the core whose every step is taken by hand."""

from typing import Any

from pingpool.core.ledger import Ledger
from pingpool.core.orders import End, Job, Order, Outcome, Round, Waiter
from pingpool.core.slot import CREATING

from .model import CheckedSlot, Session, check


class Pool:
    """A ledger and workers that do at once what they are told, unless a test does it by hand."""

    def __init__(self, size: int, **options: Any) -> None:
        """Start empty."""
        options = {"interval": 10.0, "jitter": lambda: 0.0, "slots": CheckedSlot, **options}
        self.ledger = Ledger[Session](size, **options)
        self.names = 0

    def session(self) -> Session:
        """Return a new session."""
        self.names += 1
        return Session(self.names)

    def jobs(self, kind: Any) -> list[Job]:
        """Return the jobs of a kind."""
        return [job for job in self.ledger.jobs if job.kind is kind]

    def job(self, kind: Any) -> Job:
        """Return the only job of a kind."""
        [job] = self.jobs(kind)
        return job

    def fill(self, now: float = 0.0) -> None:
        """Create whatever is to be created."""
        self.ledger.fill(Round(), now)
        self.create_all(now)

    def create_all(self, now: float) -> None:
        """Create whatever is to be created."""
        while jobs := self.jobs(CREATING):
            self.report(jobs[0], Outcome(End.CREATED, self.session()), now)
            check(self.ledger, now)

    def report(self, job: Job, outcome: Outcome, now: float) -> list[Order]:
        """Do a job, with this outcome."""
        self.ledger.start(job)
        return self.ledger.report(job, outcome, now)

    def lend(self, now: float) -> Session:
        """Check a session out that is free and fresh."""
        session = self.ledger.check_out(now, None, 0)
        assert session is not None
        return session

    def ask(self, now: float) -> Waiter:
        """Stand in line."""
        waiter = Waiter(None, 0)
        self.ledger.ask(waiter, now)
        return waiter
