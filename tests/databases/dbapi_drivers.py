"""Drivers of PEP 249 for PostgreSQL, as `DBAPI` pools them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

import pingpool
from pingpool import PingingPool
from pingpool.databases.dbapi import DBAPI
from pingpool.testing.servers import PostgresServer


class Driver:
    """A driver, how it connects, and how all its sessions are killed."""

    def __init__(self, connect: Callable[[], Any], module: Any, kill_all: Callable[[], object] | None = None) -> None:
        self.connect = connect
        self.module = module
        self.kill_all = kill_all

    def pool(self, **options: Any) -> PingingPool[Any]:
        """Open a pool of one session."""
        return pingpool.open(DBAPI(self.connect, driver=self.module, **options), size=1)


def psycopg2(server: PostgresServer) -> Driver:
    """PostgreSQL by psycopg2."""
    module = pytest.importorskip("psycopg2")
    return Driver(lambda: module.connect(server.url), module, server.terminate_backends)


def pg8000(server: PostgresServer) -> Driver:
    """PostgreSQL by pg8000, written in Python."""
    module = pytest.importorskip("pg8000.dbapi")
    url = urlsplit(server.url)
    where = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
    return Driver(lambda: module.connect(database=url.path[1:], **where), module, server.terminate_backends)


def psycopg(server: PostgresServer) -> Driver:
    """PostgreSQL by psycopg, of which `Postgres` knows more."""
    module = pytest.importorskip("psycopg")
    return Driver(lambda: module.connect(server.url), module, server.terminate_backends)
