"""Fixtures for the tests of PostgreSQL by psycopg."""

from collections.abc import Iterator
from typing import Any

import pytest

from pingpool.databases.postgres import Postgres
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Postgres:
    """The database of the private server."""
    return Postgres(postgres_server.url)


@pytest.fixture
def session(postgres: Postgres) -> Iterator[Any]:
    """One session of it."""
    session = postgres.create(labels={}, timeout=SOON)
    yield session
    session.close()
