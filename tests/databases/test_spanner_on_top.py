"""What stands on top of the client: its DB-API, SQLAlchemy and Django, over one pool of ours, on Google's emulator."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("google.cloud.spanner_v1")

from google.cloud import spanner_dbapi

from pingpool.databases.spanner import PingingPool
from pingpool.databases.spanner.url import client_of
from pingpool.databases.spanner.versions import KNOWS_ROLES
from tests.databases.spanner_emulator import an_emulator
from tests.databases.spanner_lab import quiet, use_the_pool

pytestmark = pytest.mark.server

DDL = ["CREATE TABLE accounts (name STRING(20), balance INT64) PRIMARY KEY (name)"]
HERE = "databases/test_spanner_on_top.py"


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """Host and port of an emulator with a database `shop` in the instance `mall`."""
    with an_emulator(DDL) as address:
        yield address


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[PingingPool]:
    """A pool of two sessions, that the client is told to use."""
    use_the_pool(monkeypatch)
    with PingingPool(2, labels={"test": "on-top"}) as pool:
        yield pool


def open_on(address: str) -> int:
    """How many sessions the server has."""
    database = client_of("p", address).instance("mall").database("shop")
    return len(list(database.spanner_api.list_sessions(request={"database": database.name, "filter": "labels.test:*"})))


def kill_all(address: str) -> None:
    """Delete every session behind everybody's back."""
    api, name = (database := client_of("p", address).instance("mall").database("shop")).spanner_api, database.name
    for session in list(api.list_sessions(request={"database": name, "filter": "labels.test:*"})):
        api.delete_session(name=session.name)


@pytest.mark.skipif(not KNOWS_ROLES, reason="the DB-API of this client takes no client of one's own")
def test_connections_of_the_dbapi_share_a_pool(emulator: str, pool: PingingPool) -> None:
    """Reads, writes and rollbacks of three connections; what dies is replaced, and all sessions come back."""
    for number in range(3):
        connection = spanner_dbapi.connect("mall", "shop", pool=pool, client=client_of("p", emulator))
        cursor = connection.cursor()
        cursor.execute("INSERT INTO accounts (name, balance) VALUES (%s, %s)", [f"dbapi {number}", number])
        assert [holder.place.split(":")[0] for holder in pool.holders()] == [HERE]
        connection.commit()
        cursor.execute("SELECT balance FROM accounts WHERE name = %s", [f"dbapi {number}"])
        assert cursor.fetchall() == [(number,)]
        connection.rollback()
        connection.close()
    assert (pool.stats().idle, open_on(emulator)) == (2, 2)


def test_sqlalchemy_works_over_a_pool(emulator: str, pool: PingingPool) -> None:
    """An engine of sqlalchemy-spanner whose sessions all die: one statement meets it, and the next ones are well."""
    pytest.importorskip("google.cloud.sqlalchemy_spanner")
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        "spanner+spanner:///projects/p/instances/mall/databases/shop",
        connect_args={"pool": pool, "client": client_of("p", emulator)},
    )
    text = sqlalchemy.text
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO accounts (name, balance) VALUES ('sqlalchemy', 1)"))
        assert [holder.place.split(":")[0] for holder in pool.holders()] == [HERE]
    kill_all(emulator)
    failed = sum(not is_well(engine, text("SELECT balance FROM accounts WHERE name = 'sqlalchemy'")) for _ in range(6))
    assert failed <= 1
    engine.dispose()
    quiet(pool)
    assert (pool.stats().in_use, open_on(emulator)) == (0, 2)


def is_well(engine: Any, statement: Any) -> bool:
    """Does a statement find its row?"""
    try:
        with engine.connect() as connection:
            return list(connection.execute(statement)) == [(1,)]
    except Exception:
        return False


def test_django_works_over_a_pool(emulator: str, pool: PingingPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections of django-google-spanner read and write by the pool, one after the other, and give sessions back."""
    django_spanner = pytest.importorskip("django_spanner")
    from django.conf import settings
    from django.db import connections

    assert django_spanner
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")  # it reads the project nowhere else
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django_spanner",
                "INSTANCE": "mall",
                "NAME": "shop",
                "OPTIONS": {"pool": pool, "client": client_of("p", emulator)},
            }
        },
        USE_TZ=True,
    )
    for number in range(2):
        with connections["default"].cursor() as cursor:
            cursor.execute("INSERT INTO accounts (name, balance) VALUES (%s, %s)", [f"django {number}", 3])
            cursor.execute("SELECT balance FROM accounts WHERE name = %s", [f"django {number}"])
            assert list(cursor.fetchall()) == [(3,)]
        quiet(pool)
        assert (pool.stats().in_use, open_on(emulator)) == (0, 2)
        connections.close_all()  # it takes the pool for its own, and clears it; the next connection fills it again
        assert open_on(emulator) == 0
