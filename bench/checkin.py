"""A check-in: what it costs to ask a database whether the last holder left anything, when nothing was left."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pingpool
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_most
from pingpool.database import Database, Traits
from pingpool.databases.mysql import MySQL
from pingpool.databases.postgres import Postgres
from pingpool.databases.redis import Redis
from pingpool.databases.sqlite import SQLite
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ServerMissing, ValkeyServer

BLOCKS = 2_000
"""How many blocks make a round."""

MOST = 2.5
"""How many times as much as one that is not asked a block may cost; those of SQLite are the shortest."""

SERVERS: dict[str, tuple[type[PrivateServer], Callable[..., Database[Any]], str]] = {
    "PostgreSQL, psycopg": (PostgresServer, Postgres, ""),
    "MariaDB, PyMySQL": (MariaDBServer, MySQL.from_url, "?ssl_disabled=true"),
    "Valkey, redis-py": (ValkeyServer, Redis.from_url, ""),
}


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title="checkin: one block of session(), nobody else there, nothing left in the session",
        note="Processor time in this thread. 'not asked' is the same database without its needs_reset.",
        columns=["", "asked, µs", "not asked, µs", "x"],
    )
    with ExitStack() as running:
        databases = dict(started(running, sheet))
        blocks: dict[str, Callable[[], float]] = {}
        for name, database in databases.items():
            for who, each in ((name, database), (f"{name}, not asked", unasked(database))):
                blocks[who] = microseconds(running.enter_context(pingpool.open(each, size=2, wait_for=None)).session)
        rounds = interleave(blocks, effort.rounds)
    sheet.raw["µs"] = rounds.figures
    for name in databases:
        other = f"{name}, not asked"
        times = rounds.ratio(name, to=other)
        figures = [f"{rounds.median(name):.2f}", f"{rounds.median(other):.2f}", f"{times:.2f}"]
        sheet.rows.append(Row([name, *figures], at_most(MOST, times, " x")))
    return sheet


def started(running: ExitStack, sheet: Sheet) -> Iterator[tuple[str, Database[Any]]]:
    """Start the servers that are here, and yield a database on each."""
    yield "SQLite, sqlite3", SQLite()
    missing: list[str] = []
    for name, (kind, database, options) in SERVERS.items():
        try:
            server = running.enter_context(kind())
        except ServerMissing:
            missing.append(name)
        else:
            yield name, database(server.url + options)
    sheet.missing = missing


def unasked(database: Database[Any]) -> Database[Any]:
    """Return the same database without its `needs_reset`; a pool does not ask where there is none."""
    kind = type(database)
    twin: Database[Any] = object.__new__(type(kind.__name__, (kind,), {"needs_reset": Traits.needs_reset}))
    vars(twin).update(vars(database))
    return twin


def microseconds(block: Callable[[], AbstractContextManager[Any]]) -> Callable[[], float]:
    """Return a round: the processor time of a block in which nothing is done."""

    def run() -> float:
        start = time.thread_time()
        for _ in range(BLOCKS):
            with block():
                pass
        return (time.thread_time() - start) / BLOCKS * 1e6

    return run
