"""Django in the outages: its `ENGINE` over pingpool, and what Django itself offers. A use is what a request does."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from bench.django_project import add
from bench.outage_callers import Loan, Pool
from bench.outage_contender import Contender, Lender
from bench.outage_peers import loan

STOCK = "django.db.backends.postgresql"

Settings = Callable[[int, float], Mapping[str, Any]]
"""Returns what a way to connect adds to the settings of a database: of a size, and the seconds of a checkout."""

NAMES: Mapping[str, str] = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
"""What Django calls the parts of an address; it takes all others as `OPTIONS`."""

numbers = count()


def over_pingpool(size: int, timeout: float) -> Mapping[str, Any]:
    pool = {"size": size, "default_timeout": timeout}
    return {"ENGINE": "pingpool.plugins.django.postgresql", "OPTIONS": {"pingpool": pool}}


def with_its_pool(size: int, timeout: float) -> Mapping[str, Any]:
    return {"ENGINE": STOCK, "OPTIONS": {"pool": {"min_size": size, "max_size": size, "timeout": timeout}}}


def with_its_pool_checked(size: int, timeout: float) -> Mapping[str, Any]:
    return {**with_its_pool(size, timeout), "CONN_HEALTH_CHECKS": True}


def persistent(size: int, timeout: float) -> Mapping[str, Any]:
    return {"ENGINE": STOCK, "CONN_MAX_AGE": None}


def persistent_checked(size: int, timeout: float) -> Mapping[str, Any]:
    return {**persistent(size, timeout), "CONN_HEALTH_CHECKS": True}


def connecting(way: Settings) -> Callable[[str, int, float], Pool]:
    """Return how a database of Django's is opened that connects in this way."""

    def open(url: str, size: int, timeout: float) -> Pool:
        alias = added(url, way(size, timeout))
        from django.db import close_old_connections, connections

        @contextmanager
        def use() -> Generator[Loan]:
            close_old_connections()
            try:
                with connections[alias].cursor() as cursor:
                    yield Loan(cursor.execute, loan(connections[alias].connection).is_dead)
            finally:
                close_old_connections()

        def close() -> None:
            connections[alias].close()
            if hasattr(connections[alias], "close_pool"):
                connections[alias].close_pool()

        fill(connections[alias], size)
        return Lender(use, close)

    return open


def added(url: str, way: Mapping[str, Any]) -> str:
    """Add a database to the project, under an alias of its own; return that."""
    parts = conninfo_to_dict(url)
    there = {name: parts.pop(part) for part, name in NAMES.items() if part in parts}
    alias = f"outage_{next(numbers)}"
    add({alias: {**there, **way, "OPTIONS": {**parts, **way.get("OPTIONS", {})}}})
    return alias


def fill(connection: Any, size: int) -> None:
    """Have all sessions opened, where there is a pool."""
    if hasattr(connection, "pingpool"):
        connection.pingpool.wait(timeout=10, sessions=size)
    elif connection.pool:
        connection.pool.open(wait=True, timeout=10)


DJANGO = (
    Contender("Django + pingpool", "django", connecting(over_pingpool)),
    Contender("Django pool", "django", connecting(with_its_pool)),
    Contender("Django pool checks", "django", connecting(with_its_pool_checked)),
    Contender("Django CONN_MAX_AGE", "django", connecting(persistent)),
    Contender("Django CONN_MAX_AGE checks", "django", connecting(persistent_checked)),
)
