"""What the client makes of a pool: snapshots, batches, transactions, its DB-API."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions

from pingpool.databases.spanner.versions import KNOWS_ROLES
from tests.databases.spanner_cases.promises import promise
from tests.databases.spanner_lab import Lab, outcome, take_all
from tests.databases.waiting import SOON, until


def expired(lab: Lab, size: int = 4) -> tuple[Any, Any]:
    """A pool and its database, whose sessions all died a moment ago."""
    pool = lab.pool(size)
    database = lab.database(pool)
    lab.server.answer("UPDATE accounts", updated=1)
    lab.server.expire_all()
    return pool, database


def failures(work: Callable[[], object], times: int) -> int:
    """Do it so often, and count how often it did not find its session."""
    lost = 0
    for _ in range(times):
        try:
            work()
        except exceptions.NotFound:
            lost += 1
    return lost


@promise(upstream="breaks")
def meets_one_dead_session_and_no_more_in_transactions(lab: Lab) -> None:
    """When all sessions died, only the transaction that was first to use one notices."""
    _, database = expired(lab)

    def work(transaction: Any) -> None:
        transaction.execute_update("UPDATE accounts")

    assert failures(lambda: database.run_in_transaction(work), 8) == 1


@promise(upstream="breaks")
def meets_one_dead_session_and_no_more_in_snapshots(lab: Lab) -> None:
    """When all sessions died, only the snapshot that was first to use one notices."""
    _, database = expired(lab)

    def read() -> None:
        with database.snapshot() as snapshot:
            list(snapshot.execute_sql("SELECT 1"))

    assert failures(read, 8) == 1


@promise(upstream="breaks")
def meets_one_dead_session_and_no_more_in_batches(lab: Lab) -> None:
    """When all sessions died, only the batch that was first to use one notices."""
    _, database = expired(lab)

    def write() -> None:
        with database.batch() as batch:
            batch.insert("accounts", ["name"], [["ada"]])

    assert failures(write, 8) == 1


@promise(upstream="breaks")
def meets_one_dead_session_and_no_more_in_partitioned_dml(lab: Lab) -> None:
    """When all sessions died, only the partitioned DML that was first to use one notices."""
    _, database = expired(lab)
    assert failures(lambda: database.execute_partitioned_dml("UPDATE accounts"), 8) == 1


@promise(upstream="breaks")
def meets_one_dead_session_and_no_more_in_mutation_groups(lab: Lab) -> None:
    """When all sessions died, only the mutation groups that were first to use one notice."""
    _, database = expired(lab)
    if not hasattr(database, "mutation_groups"):
        pytest.skip("this client knows no mutation groups")

    def write() -> None:
        with database.mutation_groups() as groups:
            groups.group().insert("accounts", ["name"], [["ada"]])
            list(groups.batch_write())

    assert failures(write, 8) == 1


@promise(upstream="keeps")
def keeps_its_size_when_the_client_replaces_a_session(lab: Lab) -> None:
    """The client puts a new session in place of a dead one: the pool has as many as before, and so has the server."""
    pool, database = expired(lab, 1)
    with pytest.raises(exceptions.NotFound), database.snapshot() as snapshot:
        list(snapshot.execute_sql("SELECT 1"))
    (session,) = take_all(pool, 1)
    assert [alive.name for alive in lab.server.sessions] == [session.name]


@promise(upstream="breaks")
def gets_its_slot_back_from_a_batch_snapshot(lab: Lab) -> None:
    """A batch snapshot deletes its session and never puts it: the slot is filled anew."""
    pool = lab.pool(1)
    database = lab.database(pool)
    snapshot = database.batch_snapshot()
    list(snapshot.generate_query_batches("SELECT 1"))
    snapshot.close()
    outcome(lambda: take_all(pool, 1), within=lab.patience)
    assert len(lab.server.sessions) == 1
    take_all_now(pool)


def take_all_now(pool: Any) -> None:
    """Check out the one session that must be there, without waiting."""
    pool.put(pool.get(timeout=0))


@promise(upstream="breaks")
def serves_several_dbapi_connections(lab: Lab) -> None:
    """Connections of the client's DB-API share one pool: statements and transactions work, and sessions come back."""
    from google.cloud.spanner_dbapi import Connection

    if not KNOWS_ROLES:
        pytest.skip("the connections of this client stumble over their own transactions, whatever the pool")
    pool = lab.pool(2)
    lab.server.answer("UPDATE accounts SET a = 1 WHERE true", updated=1)
    for _ in range(3):
        instance = lab.server.client().instance("i")
        connection = Connection(instance, instance.database("d", pool=pool))
        connection._own_pool = False
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
        connection.autocommit = False
        cursor.execute("UPDATE accounts SET a = 1 WHERE true")
        connection.commit()
        connection.close()
    assert len(lab.server.sessions) == 2
    take_all(pool, 2)


@promise(upstream="keeps")
def stands_a_load_with_dying_sessions(lab: Lab) -> None:
    """Under eight threads no session is used by two at once; each death costs its own user an error and nobody else."""
    pool = lab.hasty_pool(4, 10)
    database = lab.database(pool)
    deaths = 20
    errors: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with database.snapshot() as snapshot:
                    list(snapshot.execute_sql("SELECT 1"))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=read, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for death in range(deaths):
        lab.server.calls.wait_for("ExecuteStreamingSql", lab.server.calls.count("ExecuteStreamingSql") + 20)
        until(lambda: lab.server.sessions)
        alive = lab.server.sessions
        lab.server.expire(alive[death % len(alive)].name)
    until(lambda: len(lab.server.sessions) == 4)  # the last one to die was met, too
    stop.set()
    for thread in threads:
        thread.join(SOON)
    assert lab.server.violations == []
    assert [error for error in errors if not isinstance(error, exceptions.NotFound)] == []
    assert len(errors) <= deaths
    take_all(pool, 4)
    assert len(lab.server.sessions) == 4
