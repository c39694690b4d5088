"""A LISTEN that was left behind on a busy channel: a look reads once, however much there is to come."""

import psycopg
import pytest

from pingpool.databases.common.sockets import Look
from pingpool.databases.postgres import Postgres, traits
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]


def test_a_look_reads_once_on_a_busy_channel(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that never falls quiet holds up nobody who checks out the session, which is seen alive."""
    database = Postgres(postgres_server.url)
    session = database.create(labels={}, timeout=SOON)
    reads: list[psycopg.Connection[object]] = []

    def read(session: psycopg.Connection[object]) -> bool:
        reads.append(session)
        return len(reads) < 5

    monkeypatch.setattr(traits, "look_at", lambda fd: Look.SPEAKS)
    monkeypatch.setattr(traits, "has_only_notices", read)
    assert database.looks_alive(session)
    assert len(reads) == 1
    session.close()
