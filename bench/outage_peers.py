"""The other pools in the outages, and a plug for one: psycopg connections in autocommit, set up as users would."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import psycopg

from bench.outage_callers import Loan, Pool
from bench.outage_contender import Contender, Lender
from pingpool.databases.common.sockets import Look, look_at


def loan(connection: Any) -> Loan:
    return Loan(connection.execute, lambda: connection.closed or look_at(connection.fileno()) is not Look.QUIET)


def _psycopg_pool(**options: Any) -> Callable[[str, int, float], Pool]:
    def open(url: str, size: int, timeout: float) -> Pool:
        from psycopg_pool import ConnectionPool

        pool: Any = ConnectionPool(
            url, min_size=size, max_size=size, timeout=timeout, kwargs={"autocommit": True}, open=False,
            **({"check": ConnectionPool.check_connection} if options.get("check") else {}),
        )  # fmt: skip
        pool.open(wait=True, timeout=10)

        @contextmanager
        def use() -> Generator[Loan]:
            with pool.connection() as connection:
                yield loan(connection)

        return Lender(use, lambda: pool.close(1))

    return open


def sqlalchemy_engine(**options: Any) -> Callable[[str, int, float], Pool]:
    def open(url: str, size: int, timeout: float) -> Pool:
        from sqlalchemy import create_engine

        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(url, autocommit=True),
            isolation_level="AUTOCOMMIT",
            pool_size=size,
            max_overflow=0,
            pool_timeout=timeout,
            **options,
        )

        @contextmanager
        def use() -> Generator[Loan]:
            with engine.connect() as connection:
                yield Loan(connection.exec_driver_sql, loan(connection.connection.driver_connection).is_dead)

        fill(use, size)
        return Lender(use, engine.dispose)

    return open


def _dbutils(url: str, size: int, timeout: float) -> Pool:
    from dbutils.pooled_db import PooledDB

    pool: Any = PooledDB(
        psycopg, mincached=size, maxcached=size, maxconnections=size, blocking=True, conninfo=url, autocommit=True
    )

    @contextmanager
    def use() -> Generator[Loan]:
        connection = pool.connection()
        try:
            yield Loan(lambda statement: connection.cursor().execute(statement), loan(connection._con._con).is_dead)
        finally:
            connection.close()

    return Lender(use, pool.close)


def _upstream(url: str, size: int, timeout: float) -> Pool:
    from google.cloud.spanner_v1 import _helpers
    from google.cloud.spanner_v1.metrics.spanner_metrics_tracer_factory import SpannerMetricsTracerFactory
    from google.cloud.spanner_v1.pool import PingingPool

    _helpers._cloud_region = "global"  # otherwise the client asks the network where it is
    SpannerMetricsTracerFactory(enabled=False)

    class Session:
        """A PostgreSQL session that looks like one of Spanner's."""

        def __init__(self) -> None:
            self.connection = psycopg.connect(url, autocommit=True)
            self._session_id = ""

        def create(self) -> None:
            """It is made already."""

        def exists(self) -> bool:
            try:
                self.connection.execute("SELECT 1")
            except psycopg.Error:
                return False
            return True

        def ping(self) -> None:
            self.connection.execute("SELECT 1")

        def delete(self) -> None:
            self.connection.close()

    class Pinging(PingingPool):  # type: ignore[misc,valid-type,unused-ignore] # the client is typed in part
        def _new_session(self) -> Session:
            return Session()

    def batch_create_sessions(request: Any, metadata: Any) -> Any:
        return SimpleNamespace(session=[SimpleNamespace(name="sessions/1")])

    pool = Pinging(size, default_timeout=timeout)
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

    @contextmanager
    def use() -> Generator[Loan]:
        session = pool.get()
        try:
            yield loan(session.connection)
        finally:
            pool.put(session)

    return Lender(use, pool.clear)


def fill(use: Callable[[], AbstractContextManager[Loan]], size: int) -> None:
    """Have all sessions opened, in a pool that opens them on demand."""
    held = [use() for _ in range(size)]
    for each in held:
        each.__enter__()
    for each in held:
        each.__exit__(None, None, None)


def sqlalchemy_over_pingpool(url: str, size: int, timeout: float) -> Pool:
    from pingpool.plugins.sqlalchemy import PingPool

    return sqlalchemy_engine(poolclass=PingPool)(url, size, timeout)


PEERS = (
    Contender("SQLAlchemy + pingpool", "sqlalchemy", sqlalchemy_over_pingpool),
    Contender("SQLAlchemy", "sqlalchemy", sqlalchemy_engine()),
    Contender("SQLAlchemy pre_ping", "sqlalchemy", sqlalchemy_engine(pool_pre_ping=True)),
    Contender("SQLAlchemy recycle=1", "sqlalchemy", sqlalchemy_engine(pool_recycle=1)),
    Contender("psycopg_pool", "psycopg_pool", _psycopg_pool()),
    Contender("psycopg_pool check", "psycopg_pool", _psycopg_pool(check=True)),
    Contender("DBUtils", "dbutils", _dbutils),
    Contender("google PingingPool", "google.cloud.spanner_v1", _upstream),
)
