"""The peers: pingpool and the other pools, each full of stub sessions and reduced to a `get` and a `put`.

Every pool runs as its users get it; only what would ask a stub whether it is alive is switched off. No network.
"""

import queue
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from bench.stubs import AskedStubs, DBAPIConnection, Maker, ManyStubs, PsycopgConnection, Session, SpannerSession, Stubs
from pingpool import PingingPool

WORKERS = 25
"""How many threads open sessions, where a pool has that option."""

HOUR = 3600.0
"""Seconds, for time-outs that must not come while the machine is busy."""


@dataclass(frozen=True)
class Lender:
    """A full pool."""

    get: Callable[[], Any]
    put: Callable[[Any], Any]
    close: Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """A kind of pool: its module, what it pools, and how it is opened."""

    name: str
    module: str
    session: Maker
    fill: Callable[[int, Maker, int], Lender]

    @property
    def is_installed(self) -> bool:
        try:
            import_module(self.module)
        except ImportError:
            return False
        return True

    def open(self, size: int, make: Maker | None = None, workers: int = WORKERS) -> Lender:
        """Return a pool of `size` open sessions."""
        return self.fill(size, make or self.session, workers)


def _pingpool(size: int, database: Stubs, workers: int = WORKERS, **options: Any) -> Lender:
    pool: PingingPool[Any] = PingingPool(size, HOUR, workers=workers, io_timeout=HOUR, **options)
    pool.bind(database)
    return Lender(pool.get, pool.put, lambda: pool.close(0))


def _open_ours(size: int, make: Maker, workers: int) -> Lender:
    return _pingpool(size, Stubs(make), workers)


def _open_ours_at_once(size: int, make: Maker, workers: int) -> Lender:
    return _pingpool(size, ManyStubs(make), workers)


def _open_ours_aging(size: int, make: Maker, workers: int) -> Lender:
    return _pingpool(size, Stubs(make), workers, max_lifetime=HOUR)


def _open_ours_asked(size: int, make: Maker, workers: int) -> Lender:
    return _pingpool(size, AskedStubs(make), workers)


def _open_upstream(size: int, make: Maker, workers: int) -> Lender:
    """The client opens sessions call by call; this server gives one for each, as it may."""
    from google.cloud.spanner_v1 import _helpers
    from google.cloud.spanner_v1.metrics.spanner_metrics_tracer_factory import SpannerMetricsTracerFactory
    from google.cloud.spanner_v1.pool import PingingPool as Upstream

    _helpers._cloud_region = "global"  # otherwise the client asks the network where it is
    SpannerMetricsTracerFactory(enabled=False)
    opened: list[Any] = []

    def batch_create_sessions(request: Any, metadata: Any) -> Any:
        opened.append(make())
        return SimpleNamespace(session=[SimpleNamespace(name=f"sessions/{len(opened)}")])

    class Pool(Upstream):
        def _new_session(self) -> Any:
            return opened.pop()

    kind: Any = Pool
    pool = kind(size, default_timeout=HOUR)
    pool.bind(
        SimpleNamespace(
            name="stub",
            database_id="stub",
            database_role=None,
            observability_options=None,
            spanner_api=SimpleNamespace(batch_create_sessions=batch_create_sessions),
            with_error_augmentation=lambda nth, attempt, metadata, span: (metadata, nullcontext()),
            _instance=SimpleNamespace(instance_id="stub", _client=SimpleNamespace(project="stub")),
            _next_nth_request=1,
            _route_to_leader_enabled=False,
        )
    )
    return Lender(pool.get, pool.put, pool.clear)


def _open_psycopg_pool(size: int, make: Maker, workers: int) -> Lender:
    from psycopg_pool import ConnectionPool

    connection: Any = SimpleNamespace(connect=lambda conninfo, **options: make())
    pool: Any = ConnectionPool(
        connection_class=connection, min_size=size, open=False, timeout=HOUR, num_workers=workers
    )
    pool.open(wait=True, timeout=HOUR)
    return Lender(pool.getconn, pool.putconn, pool.close)


def _open_sqlalchemy(size: int, make: Maker, workers: int) -> Lender:
    from sqlalchemy.pool import QueuePool

    pool = QueuePool(make, pool_size=size, max_overflow=0, timeout=HOUR)
    connections = [pool.connect() for _ in range(size)]
    for connection in connections:
        connection.close()
    return Lender(pool.connect, type(connections[0]).close, pool.dispose)


def _open_dbutils(size: int, make: Maker, workers: int) -> Lender:
    dbutils: Any = import_module("dbutils.pooled_db")  # without types
    creator = SimpleNamespace(connect=make, threadsafety=1)
    pool = dbutils.PooledDB(
        creator, mincached=size, maxcached=size, maxconnections=size, blocking=True, failures=OSError, ping=0
    )
    return Lender(pool.connection, dbutils.PooledDedicatedDBConnection.close, pool.close)


def _open_queue(kind: type[queue.Queue[Any]]) -> Callable[[int, Maker, int], Lender]:
    def fill(size: int, make: Maker, workers: int) -> Lender:
        sessions = kind(size)
        for number in range(size):
            sessions.put((number, make()))
        return Lender(sessions.get, sessions.put, lambda: None)

    return fill


OURS = Peer("pingpool", "pingpool", Session, _open_ours)
OURS_AT_ONCE = Peer("pingpool", "pingpool", Session, _open_ours_at_once)
OURS_AGING = Peer("pingpool, max_lifetime", "pingpool", Session, _open_ours_aging)
OURS_ASKED = Peer("pingpool, looks_alive + needs_reset", "pingpool", Session, _open_ours_asked)
UPSTREAM = Peer("google-cloud-spanner PingingPool", "google.cloud.spanner_v1", SpannerSession, _open_upstream)
PSYCOPG_POOL = Peer("psycopg_pool ConnectionPool", "psycopg_pool", PsycopgConnection, _open_psycopg_pool)
SQLALCHEMY = Peer("SQLAlchemy QueuePool", "sqlalchemy", DBAPIConnection, _open_sqlalchemy)
DBUTILS = Peer("DBUtils PooledDB", "dbutils", DBAPIConnection, _open_dbutils)
LIFO = Peer("bare queue.LifoQueue", "queue", Session, _open_queue(queue.LifoQueue))
PRIORITY = Peer("bare queue.PriorityQueue", "queue", Session, _open_queue(queue.PriorityQueue))

POOLS = (UPSTREAM, PSYCOPG_POOL, SQLALCHEMY, DBUTILS)
QUEUES = (LIFO, PRIORITY)


def installed(*peers: Peer) -> tuple[list[Peer], list[str]]:
    """Return those that can be measured here, and the names of the others."""
    return [peer for peer in peers if peer.is_installed], [peer.name for peer in peers if not peer.is_installed]
