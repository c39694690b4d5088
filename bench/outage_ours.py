"""Our own pool in the outages: in threads by psycopg, in asyncio by psycopg and by asyncpg."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pingpool
from bench.outage_callers import Loan, Pool
from bench.outage_contender import Contender, Lender, Open
from bench.outage_loop import PoolInLoop, Run
from pingpool.database import AsyncDatabase, Database
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres

PING_DEADLINE = 1.0
"""Seconds that a ping may take."""

HASTE: Any = {"ping_interval": 1.0, "io_timeout": PING_DEADLINE}
"""As quick as outages of seconds need it."""

SIMPLE: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
"""One statement is one round trip."""

SocketOf = Callable[[Any], int]
"""Returns the file descriptor of a session, -1 if it is closed."""


def in_threads(
    database: Callable[[str], Database[Any]], run: Callable[[Any, str], object], socket_of: SocketOf
) -> Open:
    """Return how the pool for threads is opened."""

    def open(url: str, size: int, timeout: float) -> Pool:
        pool = pingpool.open(database(url), size=size, default_timeout=timeout, wait_for=None, **HASTE)

        @contextmanager
        def use() -> Generator[Loan]:
            with pool.session() as session:
                yield Loan(lambda statement: run(session, statement), lambda: is_deaf(socket_of(session)))

        return Lender(use, lambda: pool.close(1))

    return open


def in_asyncio(database: Callable[[str], AsyncDatabase[Any]], run: Run, socket_of: SocketOf) -> Open:
    """Return how the pool for asyncio is opened."""

    def open(url: str, size: int, timeout: float) -> Pool:
        pool = pingpool.open_async(database(url), size=size, default_timeout=timeout, wait_for=None, **HASTE)
        return PoolInLoop(pool, run, lambda session: is_deaf(socket_of(session)))

    return open


def execute(session: Any, statement: str) -> Any:
    return session.execute(statement)


def is_deaf(fd: int) -> bool:
    """Can the socket be seen to be closed?"""
    return fd < 0 or look_at(fd) is not Look.QUIET


def socket_of_psycopg(session: Any) -> int:
    return -1 if session.closed else int(session.fileno())


def socket_behind(transport: Any) -> int:
    return -1 if transport is None else int(transport.get_extra_info("socket").fileno())


OURS = (
    Contender(
        "pingpool",
        "psycopg",
        in_threads(lambda url: Postgres(url, **SIMPLE), execute, socket_of_psycopg),
    ),
    Contender(
        "pingpool asyncio",
        "psycopg",
        in_asyncio(lambda url: AsyncPostgres(url, **SIMPLE), execute, socket_of_psycopg),
    ),
    Contender(
        "pingpool asyncpg",
        "asyncpg",
        in_asyncio(AsyncPG, execute, lambda session: socket_behind(session._transport)),
    ),
)
