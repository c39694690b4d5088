"""How jobs become calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from pingpool import Database
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job
from pingpool.core.slot import CLOSING, CREATING
from pingpool.pool.work import Work
from pingpool.pool.world import Call
from pingpool.threads.blocking import Blocking
from pingpool.threads.clock import SYSTEM
from pingpool.threads.desk import ThreadDesk
from pingpool.threads.own import OwnThreads
from tests.core.compared import Compared


class Many(Database[object]):
    """Opens many sessions by one call."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> object:
        """Open one."""
        return object()

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[object]:
        """Open so many."""
        return [object() for _ in range(count)]


class Idlers:
    """Workers that note what they are given, and do nothing."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.calls: list[Call] = []

    def take(self, call: Call) -> None:
        """Note it."""
        self.calls.append(call)

    def began(self, call: Call) -> None:
        """Do nothing."""

    def heed(self, error: BaseException) -> None:
        """Do nothing."""


class ComparedJob(Compared, Job):
    """A job that counts how often it is compared with another one."""


def test_all_that_one_call_can_create_is_one_call() -> None:
    """Every other job is a call of its own; and no job is compared with all others, however many are to be created."""
    desk: ThreadDesk[Any] = ThreadDesk("shop", Ledger(1, interval=1.0, jitter=float), SYSTEM, OwnThreads())
    workers, database = Idlers(), Many()
    work = Work(desk, database, Blocking(database), workers, labels={}, io_timeout=1.0)
    created, ended = [ComparedJob(CREATING, None, None) for _ in range(9)], ComparedJob(CLOSING, None, object())
    work.take([ended, *created])
    assert [call.jobs for call in workers.calls] == [created, [ended]]
    Compared.times = 0
    work.take([ended, *created])
    assert Compared.times == 0
