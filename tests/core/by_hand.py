"""A pool of the core whose every step is taken by hand."""

from typing import Any

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job, Round, Waiter
from pingpool.core.slot import CREATING

from .model import CheckedSlot, Session, check


class Pool:
    """A ledger and a crew that does at once what it is told, unless a test does it by hand."""

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
        """Make whatever is to be made."""
        self.ledger.fill(Round(), now)
        self.make_all(now)

    def make_all(self, now: float) -> None:
        """Make whatever is to be made."""
        while jobs := self.jobs(CREATING):
            self.ledger.start(jobs[0])
            self.ledger.made(jobs[0], self.session(), now)
            check(self.ledger, now)

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
