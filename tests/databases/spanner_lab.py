"""A bench on which Google's pool and ours are put one after the other: one server, one client, one clock.

Google's pool lives by the wall clock, which the lab tells the same time as ours; `jump` moves the wall clock alone.
"""

import datetime
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.spanner_v1 import pool as google_pools

from pingpool.databases.spanner import PingingPool
from pingpool.testing import Clock, equip
from pingpool.testing.spanner import SpannerServer
from tests.databases.waiting import SOON

D = "projects/p/instances/i/databases/d"
OURS = "ours"
UPSTREAM = "upstream"

PATIENCE = {OURS: SOON, UPSTREAM: 3.0}
"""Real seconds after which a call counts as hung. Ours never hangs, however busy the machine; Google's does."""


class Lab:
    """One server, and pools of one make on it."""

    def __init__(self, make: str, server: SpannerServer) -> None:
        self.make = make
        self.server = server
        self.clock = server.clock
        self.jumped = 0.0
        self.patience = PATIENCE[make]
        self._pools: list[PingingPool] = []

    def pool(self, size: int = 3, *args: Any, **options: Any) -> Any:
        """An unbound pool that lives by the lab's clock."""
        if self.make == OURS:
            return self._kept(equip(PingingPool(size, *args, **options), clock=self.clock))
        return google_pools.PingingPool(size, *args, **options)

    def hasty_pool(self, size: int = 3, *args: Any, **options: Any) -> Any:
        """An unbound pool that lives by real time."""
        if self.make == OURS:
            return self._kept(PingingPool(size, *args, **options))
        return google_pools.PingingPool(size, *args, **options)

    def database(self, pool: Any, name: str = "d", **options: Any) -> Any:
        """Google's `Database`, with the pool bound to it."""
        return self.server.client().instance("i").database(name, pool=pool, **options)

    def bound(self, size: int = 3, *args: Any, **options: Any) -> Any:
        """A pool that is bound and filled; what that took is forgotten."""
        pool = self.pool(size, *args, **options)
        self.database(pool)
        self.server.calls.clear()
        return pool

    def close(self) -> None:
        """Close our pools, without waiting."""
        for pool in self._pools:
            pool.close(0)

    def _kept(self, pool: PingingPool) -> PingingPool:
        self._pools.append(pool)
        return pool

    def advance(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.clock.advance(seconds)

    def patiently(self, work: Callable[[], object]) -> None:
        """Do the work while time passes, a little at a time."""
        raised: list[BaseException] = []
        result = partial(outcome, work, within=self.patience)
        working = threading.Thread(target=lambda: raised.extend(filter(None, [result()])), daemon=True)
        working.start()
        while working.is_alive():
            self.advance(0.1)
            working.join(0.01)
        for error in raised:
            raise error

    def jump(self, seconds: float) -> None:
        """Set the wall clock, and nothing else."""
        self.jumped += seconds

    def wall_time(self) -> datetime.datetime:
        """What Google's pool reads."""
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        return start + datetime.timedelta(seconds=self.clock.now() + self.jumped)


@contextmanager
def lab_for(make: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Generator[Lab]:
    """Set up a lab whose client is told to use its pool."""
    use_the_pool(monkeypatch)
    with server_at_a_new_address(clock=Clock(), **options) as server:
        lab = Lab(make, server)
        monkeypatch.setattr(google_pools, "_NOW", lab.wall_time)
        try:
            yield lab
        finally:
            lab.close()


def server_at_a_new_address(**options: Any) -> SpannerServer:
    """Start a server where none was before: gRPC remembers for a while that nobody answers at an address."""
    server = SpannerServer(**options)
    while server.address in _addresses:
        server.stop()
        server = SpannerServer(**options)
    _addresses.add(server.address)
    return server


_addresses: set[str] = set()


def use_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell clients that could do without a pool to use it."""
    monkeypatch.delenv("SPANNER_EMULATOR_HOST", raising=False)
    for kind in ("", "_FOR_RW", "_PARTITIONED_OPS"):
        monkeypatch.setenv(f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{kind}", "false")


def take_all(pool: Any, size: int) -> list[Any]:
    """Check out every session of the pool, which must have `size`, all different, and put them back."""
    patience = PATIENCE[OURS if isinstance(pool, PingingPool) else UPSTREAM]
    sessions = [pool.get(timeout=patience) for _ in range(size)]
    assert len({session.session_id for session in sessions}) == size
    for session in sessions:
        pool.put(session)
    return sessions


def quiet(pool: Any) -> None:
    """Return when the workers of a pool of ours have nothing under way."""
    while (stats := pool.stats()).creating or stats.checking or stats.closing:
        pass


def outcome(work: Callable[[], object], *, within: float) -> BaseException | None:
    """Do the work in a thread of its own, and return what it raised; a TimeoutError if it does not end in time."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(within)
    return raised[0] if raised else TimeoutError(f"not done within {within} seconds")


def bound(lab: Lab, size: int = 1, **options: Any) -> tuple[Any, Any]:
    """A pool and the client's database, whose filling is forgotten; one table may be updated."""
    pool = lab.pool(size, **options)
    database = lab.database(pool)
    lab.server.answer("UPDATE accounts", updated=1)
    lab.server.calls.clear()
    return pool, database


def read(database: Any) -> None:
    """Run a statement by way of the client."""
    with database.snapshot() as snapshot:
        assert list(snapshot.execute_sql("SELECT 1")) == [[1]]


def update(transaction: Any) -> None:
    """Run a statement in a transaction."""
    transaction.execute_update("UPDATE accounts")


def not_found(message: str) -> exceptions.NotFound:
    """The error without any details, as older servers send it."""
    return exceptions.NotFound(message)  # type: ignore[no-untyped-call]
