"""The drop-in on Google's own emulator: real SQL, real sessions, and somebody who deletes them."""

import logging
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("google.cloud.spanner_v1")

from google.api_core import exceptions
from google.cloud.spanner_v1 import KeySet

import pingpool
from pingpool.databases.spanner import PingingPool
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.url import client_of
from tests.databases.spanner_emulator import an_emulator
from tests.databases.spanner_lab import use_the_pool
from tests.databases.waiting import until

pytestmark = pytest.mark.server

log = logging.getLogger(__name__)

DDL = ["CREATE TABLE accounts (name STRING(20), balance INT64) PRIMARY KEY (name)"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """Host and port of an emulator with a database `shop` in the instance `mall`."""
    with an_emulator(DDL) as address:
        yield address


@pytest.fixture(autouse=True)
def pooled_sessions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that could do without a pool are told to use it."""
    use_the_pool(monkeypatch)


class Admin:
    """Somebody with a client of his own, who sees all sessions of the database and may delete any."""

    def __init__(self, address: str) -> None:
        database = client_of("p", address).instance("mall").database("shop")
        self._api = database.spanner_api
        self._name = database.name

    def sessions(self, label: str) -> list[str]:
        """The names of the sessions that carry this label."""
        asked = {"database": self._name, "filter": f"labels.test:{label}"}
        return [session.name for session in self._api.list_sessions(request=asked)]

    def delete(self, name: str) -> None:
        """Delete a session behind everybody's back."""
        self._api.delete_session(name=name)


def opened(address: str, pool: Any) -> Any:
    """The client's database on the emulator."""
    return client_of("p", address).instance("mall").database("shop", pool=pool)


def test_the_bank_works(emulator: str) -> None:
    """Mutations, transactions, snapshots, partitioned DML and batch snapshots work, and leave no session behind."""
    pool = PingingPool(2, labels={"test": "bank"})
    database = opened(emulator, pool)
    with database.batch() as batch:
        batch.insert_or_update("accounts", ["name", "balance"], [["ada", 7], ["bob", 3]])

    def pay(transaction: Any) -> None:
        transaction.execute_update("UPDATE accounts SET balance = balance - 2 WHERE name = 'ada'")
        transaction.execute_update("UPDATE accounts SET balance = balance + 2 WHERE name = 'bob'")

    database.run_in_transaction(pay)
    with database.snapshot() as snapshot:
        assert list(snapshot.read("accounts", ["name", "balance"], KeySet(all_=True))) == [["ada", 5], ["bob", 5]]
    assert database.execute_partitioned_dml("UPDATE accounts SET balance = 0 WHERE true") == 2
    whole = database.batch_snapshot()
    parts = whole.generate_read_batches("accounts", ["name"], KeySet(all_=True))
    assert sorted(row for part in parts for row in whole.process_read_batch(part)) == [["ada"], ["bob"]]
    whole.close()
    assert pool.ping() == 0
    admin = Admin(emulator)
    assert len(admin.sessions("bank")) <= 2
    pool.close()
    assert admin.sessions("bank") == []


def test_every_session_dies_and_one_caller_notices(emulator: str) -> None:
    """When all sessions are deleted, the first statement fails and every later one finds a session that lives."""
    with PingingPool(5, labels={"test": "deaths"}) as pool:
        database, admin = opened(emulator, pool), Admin(emulator)
        for name in admin.sessions("deaths"):
            admin.delete(name)
        errors = [error for error in (statement(database) for _ in range(10)) if error is not None]
        assert len(errors) == 1


def test_an_overdue_session_is_looked_up_and_a_dead_one_replaced(emulator: str) -> None:
    """On the real server, too, nobody is lent a session that is overdue and dead."""
    with PingingPool(3, ping_interval=0, labels={"test": "overdue"}) as pool:
        database, admin = opened(emulator, pool), Admin(emulator)
        for _ in range(3):
            until(lambda: pool.stats().idle == 3)  # a check that was answered before the deletion may still serve
            for name in admin.sessions("overdue"):
                admin.delete(name)
            assert [statement(database) for _ in range(3)] == [None] * 3


def test_a_database_that_is_not_there_is_refused(emulator: str) -> None:
    """The real server's NOT_FOUND of a database is told apart from that of a session."""
    instance = client_of("p", emulator).instance("mall")
    with pytest.raises(pingpool.CannotFill, match="Database not found"):
        instance.database("nowhere", pool=PingingPool(2))


def test_more_sessions_than_one_batch_gives(emulator: str) -> None:
    """The real server gives 100 sessions at a time; a larger pool is filled all the same."""
    with PingingPool(230, labels={"test": "large"}) as pool:
        opened(emulator, pool)
        assert pool.stats().idle == 230


@pytest.mark.parametrize("statements", [100, pytest.param(2_000, marks=pytest.mark.proof)])
@pytest.mark.timeout(600)
def test_a_load_with_sessions_deleted_at_random(emulator: str, statements: int) -> None:
    """Eight threads run statements while sessions are deleted: an error is seen once per deleted session at most."""
    label = f"load-{statements}"
    deleted: set[str] = set()
    errors: list[Exception] = []
    with PingingPool(8, labels={"test": label}) as pool:
        database, admin = opened(emulator, pool), Admin(emulator)
        done = threading.Event()

        def work() -> None:
            for _ in range(statements):
                error = statement(database)
                if error is not None:
                    errors.append(error)

        def sabotage() -> None:
            while not done.wait(0.05):
                alive = [name for name in admin.sessions(label) if name not in deleted]
                for name in random.sample(alive, min(len(alive), random.choice([1, 1, 1, 8]))):
                    deleted.add(name)
                    admin.delete(name)

        saboteur = threading.Thread(target=sabotage, daemon=True)
        workers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
        started = time.monotonic()
        for thread in (saboteur, *workers):
            thread.start()
        for thread in workers:
            thread.join()
        done.set()
        saboteur.join()
        seconds = time.monotonic() - started
        log.info("%d statements, %.1f s, %d deaths, %d errors", 8 * statements, seconds, len(deleted), len(errors))
        lost = [lost_session(error) for error in errors]
        assert deleted
        assert None not in lost
        assert set(lost) <= deleted
        assert len(lost) == len(set(lost))
        assert [statement(database) for _ in range(30)].count(None) >= 29
        sessions = [pool.get(timeout=10) for _ in range(8)]
        assert all(session.exists() for session in sessions)
        for session in sessions:
            pool.put(session)


def statement(database: Any) -> Exception | None:
    """Run a statement; return the error if its session was gone."""
    try:
        with database.snapshot() as snapshot:
            assert list(snapshot.execute_sql("SELECT 1")) == [[1]]
    except exceptions.NotFound as error:
        return error
    return None
