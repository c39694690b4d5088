"""The database that fails, hangs and loses sessions on demand."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pingpool import Meaning
from pingpool.testing import (
    FakeSession,
    FaultyDatabase,
    Forbidden,
    Misplaced,
    SessionDied,
    TransactionalDatabase,
    Trouble,
)


def opened(database: FaultyDatabase) -> FakeSession:
    """Open a session."""
    return database.create(labels={"team": "shop"}, timeout=5)


def test_sessions_are_numbered_and_labelled() -> None:
    """Each session has a number of its own, counted from 1, and the labels it was created with."""
    database = FaultyDatabase()
    one, two = opened(database), opened(database)
    assert (one.use(), two.use()) == (1, 2)
    assert one.labels == {"team": "shop"}
    assert repr(two) == "<FakeSession 2>"


def test_every_call_is_counted() -> None:
    """A test may say how many round trips something cost."""
    database = FaultyDatabase()
    session = opened(database)
    database.ping(session, timeout=5)
    database.ping(session, timeout=5)
    database.delete(session, timeout=5)
    assert database.calls == {"create": 1, "ping": 2, "delete": 1}


def test_a_killed_session_is_found_out_by_use_alone() -> None:
    """Death is silent: the session says nothing until it is used or pinged."""
    database = FaultyDatabase()
    one, two = opened(database), opened(database)
    database.kill(one)
    assert database.live == [two]
    with pytest.raises(SessionDied, match="1"):
        one.use()
    with pytest.raises(SessionDied):
        database.ping(one, timeout=5)
    database.kill_all()
    assert database.live == []


def test_a_deleted_session_is_dead_too() -> None:
    """What was deleted cannot be used."""
    database = FaultyDatabase()
    session = opened(database)
    database.delete(session, timeout=5)
    with pytest.raises(SessionDied):
        session.use()
    assert session.is_deleted
    assert database.live == []


def test_a_session_that_nobody_holds_is_forgotten() -> None:
    """The database itself keeps no session from being collected, so that a leak can be tested."""
    database = FaultyDatabase()
    held = opened(database)
    opened(database)
    gc.collect()
    assert database.sessions == [held]


def test_calls_fail_as_often_as_told() -> None:
    """`fail(times=2)` is for the next two calls of that method and for no other."""
    database = FaultyDatabase()
    session = opened(database)
    database.fail("ping", times=2)
    database.delete(opened(database), timeout=5)
    for _ in range(2):
        with pytest.raises(Trouble):
            database.ping(session, timeout=5)
    database.ping(session, timeout=5)


def test_calls_fail_until_the_database_recovers() -> None:
    """Without `times` a method fails until `recover`."""
    database = FaultyDatabase()
    database.fail("create", Forbidden)
    for _ in range(3):
        with pytest.raises(Forbidden):
            opened(database)
    database.recover()
    assert opened(database).use()


def test_a_method_fails_as_it_is_told() -> None:
    """The error may be any, and of a new making each time."""
    database = FaultyDatabase()
    database.fail("create", lambda: SystemExit(3))
    with pytest.raises(SystemExit) as first:
        opened(database)
    with pytest.raises(SystemExit) as second:
        opened(database)
    assert first.value is not second.value


@pytest.mark.parametrize("call", ["pnig", "", "create_many", "looks_alive"])
def test_a_method_it_does_not_have_cannot_fail(call: str) -> None:
    """A misspelt method is refused: a fault that no call meets tests nothing."""
    database = FaultyDatabase()
    with pytest.raises(ValueError, match="method"):
        database.fail(call)
    with pytest.raises(ValueError, match="method"), database.hanging(call):
        pytest.fail("it hangs nobody")


def test_calls_hang_until_the_block_ends() -> None:
    """A call that hangs goes on afterwards as if nothing had been; calls of other methods go on meanwhile."""
    database = FaultyDatabase()
    session = opened(database)
    with ThreadPoolExecutor(1) as threads:
        with database.hanging("ping"):
            hanging = threads.submit(database.ping, session, timeout=5)
            database.wait_for("ping")
            database.delete(opened(database), timeout=5)
            assert not hanging.done()
        hanging.result(10)


def test_only_so_many_calls_hang_as_told() -> None:
    """`hanging(times=1)` holds one call and lets the next pass."""
    database = FaultyDatabase()
    session = opened(database)
    with ThreadPoolExecutor(1) as threads:
        with database.hanging("ping", times=1):
            hanging = threads.submit(database.ping, session, timeout=5)
            database.wait_for("ping")
            database.ping(session, timeout=5)
            assert not hanging.done()
        hanging.result(10)


def test_a_later_fault_takes_the_place_of_the_earlier() -> None:
    """A method that was told to fail while it hangs goes on failing after the block."""
    database = FaultyDatabase()
    with database.hanging("create"):
        database.fail("create")
        with pytest.raises(Trouble):
            opened(database)
    with pytest.raises(Trouble):
        opened(database)


def test_waiting_for_calls_ends() -> None:
    """`wait_for` returns once there were so many calls, and raises when there are too few in time."""
    database = FaultyDatabase()
    thread = threading.Thread(target=lambda: [opened(database), opened(database)])
    thread.start()
    database.wait_for("create", 2)
    thread.join()
    with pytest.raises(TimeoutError, match="2 times, not 3"):
        database.wait_for("create", 3, timeout=0.01)


def test_errors_are_told_by_their_class() -> None:
    """The kit's own errors mean what they say."""
    database = FaultyDatabase()
    assert database.meaning_of(SessionDied()) is Meaning.LOST
    assert database.meaning_of(Misplaced()) is Meaning.MISPLACED
    assert database.meaning_of(Trouble()) is Meaning.TRANSIENT
    assert database.meaning_of(Forbidden()) is Meaning.REFUSED
    assert database.meaning_of(ConnectionRefusedError()) is Meaning.UNREACHABLE
    assert database.meaning_of(ValueError()) is Meaning.UNKNOWN


def test_what_was_left_open_can_be_undone() -> None:
    """A transactional database says what was left open, undoes it, and says what survives an interrupt."""
    database = TransactionalDatabase()
    session = opened(database)
    session.left_open = True
    assert database.needs_reset(session)
    assert not database.survived_interrupt(session)
    database.reset(session, timeout=5)
    assert not database.needs_reset(session)
    assert database.survived_interrupt(session)


def test_a_look_sees_whether_a_session_lives() -> None:
    """A transactional database can look at a session without a round trip."""
    database = TransactionalDatabase()
    session = opened(database)
    assert database.looks_alive(session)
    database.kill(session)
    assert not database.looks_alive(session)
