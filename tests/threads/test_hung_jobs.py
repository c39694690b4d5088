"""A call that hangs costs its session, never its slot, and never more threads than there are workers."""

import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from pingpool import PingingPool
from pingpool.testing import Clock, FakeSession, FaultyDatabase, SessionDied, TransactionalDatabase
from pingpool.threads.workers import Workers
from tests.threads.checks import PATIENCE, all_live, aside, bound, in_time, soon

IO_TIMEOUT = 0.3


class CountedDatabase(TransactionalDatabase):
    """Notes how many threads are in one of its calls at a time, and which sessions it was asked to abort."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.most = 0
        self.aborted: list[FakeSession] = []

    def _meet(self, call: str) -> None:
        self.threads.add(threading.get_ident())
        self.most = max(self.most, len(self.threads))
        try:
            super()._meet(call)
        finally:
            self.threads.discard(threading.get_ident())

    def abort(self, session: FakeSession) -> None:
        self.aborted.append(session)


@contextmanager
def time_passing(clock: Clock) -> Generator[None]:
    """Let told time pass, in small steps, until the block ends."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(0.001):
            clock.advance(0.25)

    telling = aside(tell)
    try:
        yield
    finally:
        over.set()
        telling.join(PATIENCE)


@pytest.mark.parametrize("call", ["create", "ping", "reset", "delete"])
def test_a_call_that_hangs_costs_no_slot(call: str) -> None:
    """While one call hangs its slot goes on without it, if there is another worker."""
    database, clock = TransactionalDatabase(), Clock()
    pool = bound(database, 2, workers=2, io_timeout=3600, clock=clock)
    before = database.calls[call]
    with database.hanging(call, times=1):
        session = pool.get()
        session.left_open = call in ("reset", "delete")
        session.is_alive = call not in ("create", "ping")
        endings = {"create": SessionDied(), "ping": SessionDied(), "reset": None, "delete": SystemExit()}
        pool.give_back(session, endings[call])  # a death casts suspicion on the other, which is checked
        del session
        aside(pool.ping)
        assert soon(lambda: database.calls[call] > before)
        clock.advance(3600)
        with time_passing(clock):
            all_live(pool, 10_000)
    with time_passing(clock):
        all_live(pool, 10_000)
        pool.close(1)


def test_no_more_threads_hang_than_there_are_workers() -> None:
    """However many calls hang, and however often, at most twice `workers` threads are in the database."""
    database = CountedDatabase()
    pool = bound(database, 6, workers=3, io_timeout=0.02)
    database.most = 0
    with database.hanging("create"), database.hanging("delete"):
        for session in [pool.get() for _ in range(6)]:
            session.left_open = True
            pool.give_back(session, SystemExit())
        assert soon(lambda: pool.stats().overran >= 6 and database.most >= 6)
    assert database.most == 6
    all_live(pool)
    pool.close(1)


def test_a_session_whose_check_hangs_is_aborted() -> None:
    """The database is asked to free the thread that hangs on a session."""
    database = CountedDatabase()
    pool = bound(database, 1, workers=2, io_timeout=IO_TIMEOUT, ping_interval=1e-6)
    first = database.sessions[0]
    with database.hanging("ping", times=1):
        assert in_time(pool.ping) == 0
        assert soon(lambda: database.aborted == [first])
    pool.close(1)


def test_a_session_that_was_proven_in_time_is_never_aborted() -> None:
    """A check that ends exactly at its deadline is either given up or ends well, never both."""

    class Slow(CountedDatabase):
        def ping(self, session: FakeSession, *, timeout: float) -> None:
            threading.Event().wait(timeout)

    database = Slow()
    pool = bound(database, 8, io_timeout=0.01, ping_interval=1e-6)
    for _ in range(40):
        in_time(pool.ping)
        idle = [session for session in (pool.get(PATIENCE) for _ in range(8)) if session in database.aborted]
        assert not idle
        for session in [session for session in database.live if session not in database.aborted]:
            try:
                pool.put(session)
            except Exception:
                continue
    pool.close(1)


@pytest.mark.parametrize("call", ["ping", "delete"])
def test_a_round_ends_although_more_calls_hang_than_there_are_workers(call: str) -> None:
    """`ping()` and `clear()` end in their time with every worker hung."""
    database = FaultyDatabase()
    pool = bound(database, 4, workers=1, io_timeout=IO_TIMEOUT, ping_interval=1e-6)
    with database.hanging(call):
        in_time(pool.ping if call == "ping" else pool.clear)
    pool.close(1)


def test_a_failing_abort_does_no_harm() -> None:
    """Whatever `abort` raises, no caller gets it, and the slot goes on."""

    class Clumsy(TransactionalDatabase):
        def abort(self, session: FakeSession) -> None:
            raise RuntimeError("abort failed")

    database = Clumsy()
    pool = bound(database, 1, workers=2, io_timeout=IO_TIMEOUT, ping_interval=1e-6)
    with database.hanging("ping", times=1):
        in_time(pool.ping)
    all_live(pool)
    pool.close(1)


@pytest.mark.parametrize(
    ("call", "of"),
    [
        *(("create", ""), ("ping", ""), ("reset", ""), ("delete", "")),
        *(("meaning_of", "create"), ("meaning_of", "ping"), ("meaning_of", "reset")),
    ],
)
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_whatever_a_method_raises_costs_no_slot_and_no_worker(call: str, of: str, error: type[BaseException]) -> None:
    """Any exception from any method the workers call is the failure of that one job; so is one from judging it."""
    database = TransactionalDatabase()
    pool = bound(database, 2, workers=1, ping_interval=1e-6)
    database.fail(call, error, times=3)
    if of:
        database.fail(of, times=2 if of == "create" else 1)
    session = pool.get(PATIENCE) if call != "ping" else None
    if session is not None:
        session.left_open = True
        pool.give_back(session, SystemExit() if {call, of} & {"create", "delete"} else None)
        del session
    all_live(pool)
    pool.close(1)


def test_the_pool_heals_when_the_database_comes_back() -> None:
    """After an outage in which every worker hung, all slots are live again by themselves."""
    database = TransactionalDatabase()
    pool = bound(database, 4, workers=2, io_timeout=IO_TIMEOUT, ping_interval=1e-6)
    with database.hanging("create"), database.hanging("ping"), database.hanging("delete"):
        waiting = [aside(lambda: pool.put(pool.get(PATIENCE))) for _ in range(8)]
        database.kill_all()
        assert soon(lambda: pool.stats().overran >= 2)
    for thread in waiting:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    all_live(pool)
    pool.close(1)


class Lagging(queue.SimpleQueue[Any]):
    """A queue whose takers are held on their way from it."""

    def __init__(self) -> None:
        self.is_taken = threading.Event()
        self.may_go_on = threading.Event()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take, and wait."""
        taken = super().get(block, timeout)
        self.is_taken.set()
        self.may_go_on.wait(PATIENCE)
        return taken


class Meeting:
    """A call that ends when another one runs beside it."""

    jobs: ClassVar[list[Any]] = []
    began_at = deadline = None
    name = "meet"

    def __init__(self, place: threading.Barrier) -> None:
        self._place = place

    async def run(self) -> None:
        """Wait for the other one."""
        self._place.wait(PATIENCE)


def test_a_worker_on_its_way_with_a_call_does_not_count_as_idle() -> None:
    """Two calls run side by side, though the second comes while a worker has just taken the first from the queue."""
    pool: PingingPool[FakeSession] = PingingPool(1)
    workers: Any = Workers(pool._desk, most=2, io_timeout=3600, abort=None)
    workers._queue = lagging = Lagging()
    place = threading.Barrier(3)
    workers.take(Meeting(place))
    assert lagging.is_taken.wait(PATIENCE)
    workers.take(Meeting(place))
    lagging.may_go_on.set()
    place.wait(PATIENCE)
    workers.dismiss()
