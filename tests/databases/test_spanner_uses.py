"""How a use of a session ended, whatever the client did with it; and how sessions grow old."""

import gc
import inspect
import queue
from collections.abc import Iterator

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_dbapi import Connection
from google.cloud.spanner_v1.session import Session

import pingpool
from pingpool.databases.spanner import PooledSession
from pingpool.errors import PoolFull
from tests.databases.spanner_lab import OURS, D, Lab, bound, lab_for, not_found, quiet, read, take_all, update
from tests.databases.waiting import SOON, until

pytestmark = pytest.mark.server

DAY = 24 * 3600.0


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A server, a client and a clock, for pools of ours."""
    with lab_for(OURS, monkeypatch) as lab:
        yield lab


# ----------------------------------------------------------------------------------------------------- how a use ended


def test_a_death_that_the_caller_swallowed_is_known(lab: Lab) -> None:
    """A session whose NotFound its holder caught and kept to himself is not lent again."""
    pool, _ = bound(lab)
    session = pool.get()
    lab.server.expire(session.name)
    with pytest.raises(exceptions.NotFound):
        session.run_in_transaction(update)
    pool.put(session)
    another = pool.get(timeout=5)
    assert another is not session
    assert another.exists()


def test_a_death_of_another_session_costs_only_that_one(lab: Lab) -> None:
    """An error that is being handled while a session is put counts against it only if it names it."""
    pool, database = bound(lab, 2)
    session = pool.get()
    try:
        raise not_found(f"Session not found: {D}/sessions/none")
    except exceptions.NotFound:
        pool.put(session)
        read(database)
    assert pool.stats().replaced == {}


def test_an_interrupt_ends_the_session(lab: Lab) -> None:
    """A session whose holder was interrupted is deleted, for nobody knows what it still does on the server."""
    pool, database = bound(lab)
    name = lab.server.sessions[0].name
    with pytest.raises(KeyboardInterrupt), database.snapshot():
        raise KeyboardInterrupt
    take_all(pool, 1)
    assert name not in [session.name for session in lab.server.sessions]


def test_an_error_of_the_callers_own_costs_nothing(lab: Lab) -> None:
    """A block that ends with an error that has nothing to do with the session gives the session back."""
    pool, database = bound(lab)
    with pytest.raises(ZeroDivisionError), database.snapshot():
        raise ZeroDivisionError
    pool.put(pool.get(timeout=0))
    assert lab.server.calls.methods() == []


def test_a_session_that_its_holder_deleted_frees_its_slot(lab: Lab) -> None:
    """Deleting a lent session is a way to give it back; putting it afterwards does no harm, but only once."""
    pool, _ = bound(lab)
    session = pool.get()
    session.delete()
    pool.put(session)
    with pytest.raises(queue.Full):
        pool.put(session)
    assert pool.get(timeout=5) is not session
    assert len(lab.server.sessions) == 1


def test_nothing_is_learned_of_the_path_from_a_session_that_its_holder_deleted(lab: Lab) -> None:
    """It was in use, not idle, and well: however long and however often, that says nothing of others."""
    pool, _ = bound(lab)
    for _ in range(5):
        session = pool.get(timeout=5)
        lab.advance(600)
        session.delete()
    stats = pool.stats()
    assert (stats.idle_limit, stats.replaced) == (None, {"discarded": 5})


def test_a_session_that_was_deleted_behind_its_holder_frees_its_slot(lab: Lab) -> None:
    """The same when the server no longer knew it, and says so to the holder."""
    pool, _ = bound(lab)
    session = pool.get()
    lab.server.expire_all()
    with pytest.raises(exceptions.NotFound):
        session.delete()
    assert pool.get(timeout=5) is not session


@pytest.mark.parametrize("way", ["discard", "detach"])
def test_the_block_of_a_session_that_has_left_ends_quietly(lab: Lab, way: str) -> None:
    """As with any pool; a `put` of it is refused, and what is detached lives on at the server."""
    pool, _ = bound(lab)
    with pool.session() as session:
        getattr(pool, way)(session)
    with pytest.raises(PoolFull):
        pool.put(session)
    (other,) = take_all(pool, 1)
    assert other is not session
    assert session.exists() is (way == "detach")


def test_a_session_that_nobody_puts_frees_its_slot(lab: Lab) -> None:
    """A session that its holder dropped is noticed, with a warning that names the place."""
    pool, _ = bound(lab)
    pool.get()
    with pytest.warns(ResourceWarning, match="test_a_session_that_nobody_puts"):
        take_all(pool, 1)


def test_what_the_client_puts_in_place_of_a_dead_session_is_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session that the client makes in place of a dead one has the labels of the pool, and takes its slot."""
    with lab_for(OURS, monkeypatch, expected_labels={"team": "a"}) as lab:
        pool, database = bound(lab, 2, labels={"team": "a"})
        lab.server.expire_all()
        with pytest.raises(exceptions.NotFound):
            read(database)
        assert pool.stats().idle == 2
        assert {type(session) for session in take_all(pool, 2)} == {PooledSession}
        assert len(lab.server.sessions) == 2
        assert lab.server.violations == []


def test_a_replacement_that_cannot_be_made_costs_no_slot(lab: Lab) -> None:
    """If the client finds a session dead and can make no other, the pool makes one as soon as that can be done."""
    pool, database = bound(lab)
    lab.server.expire_all()
    lab.server.fail("BatchCreateSessions", grpc.StatusCode.INTERNAL, times=2)
    with pytest.raises(exceptions.GoogleAPICallError):
        read(database)
    while lab.server.calls.count("BatchCreateSessions") < 2 or pool.stats().creating:
        pass
    lab.advance(31)
    take_all(pool, 1)


def test_a_session_in_place_of_a_dead_one_may_be_lent_and_put_at_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets it while the client is still inside the `put` that took it in puts it as any other."""
    pool, database = bound(lab, 1)
    adopt = pool._lending.adopt
    lent: list[Session] = []

    def adopt_and_lend(session: Session, dead: Session | None) -> None:
        adopt(session, dead)
        lent.append(pool.get(timeout=SOON))
        pool.put(session)

    monkeypatch.setattr(pool._lending, "adopt", adopt_and_lend)
    lab.server.expire_all()
    with pytest.raises(exceptions.NotFound):
        read(database)
    assert len(lent) == 1
    take_all(pool, 1)


def test_two_foreign_sessions_do_not_fit_into_one_slot(lab: Lab) -> None:
    """The client's own sessions are welcome in vacant slots, and refused when there is none."""
    pool, _ = bound(lab, 1)
    pool.clear()
    strangers = [pool._new_session() for _ in range(2)]
    for stranger in strangers:
        stranger.create()
    pool.put(strangers[0])
    with pytest.raises(queue.Full):
        pool.put(strangers[1])


def test_a_session_of_a_sister_pool_is_refused(lab: Lab) -> None:
    """A vacant slot is not for a session that another pool of ours still counts as its own."""
    pool, _ = bound(lab)
    sister, _ = bound(lab)
    pool.clear()
    with pytest.raises(pingpool.errors.NotLent):
        pool.put(sister.get())


def test_an_unopened_session_is_refused(lab: Lab) -> None:
    """A session that was never created on the server is not for a pool."""
    pool, _ = bound(lab)
    pool.clear()
    with pytest.raises(pingpool.errors.NotLent):
        pool.put(pool._new_session())


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
def test_a_connection_that_fails_to_roll_back_frees_its_slot(lab: Lab) -> None:
    """A connection of the client's DB-API whose session died in a transaction costs no slot."""
    from google.cloud.spanner_dbapi import Connection

    pool, database = bound(lab)
    lab.server.answer("UPDATE accounts SET a = 1 WHERE true", updated=1)
    connection = Connection(database._instance, database)
    connection._own_pool = False
    connection.cursor().execute("UPDATE accounts SET a = 1 WHERE true")
    lab.server.expire_all()
    with pytest.raises(exceptions.NotFound):
        connection.rollback()
    del connection  # some versions of the client put its session, the others leave that to the garbage collector
    gc.collect()
    take_all(pool, 1)


def test_connections_bind_the_pool_they_are_given(lab: Lab) -> None:
    """`spanner_dbapi.connect(pool=pool)` binds at each connect, to one database, and makes no more sessions."""
    from google.cloud import spanner_dbapi

    if "client" not in inspect.signature(spanner_dbapi.connect).parameters:
        pytest.skip("this client connects only to Google")
    pool = lab.pool(2)
    for _ in range(3):
        connection = spanner_dbapi.connect("i", "d", client=lab.server.client(), pool=pool)
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
        connection.commit()  # or the client would forget to put its session
        connection.close()
    assert len(lab.server.sessions) == 2
    take_all(pool, 2)


# ---------------------------------------------------------------------------------------------------------- long lives


def test_no_session_reaches_the_age_at_which_the_server_ends_it(lab: Lab) -> None:
    """Sessions that are kept alive for two months are replaced before they are 28 days old."""
    pool, _ = bound(lab, 2)
    oldest = 0.0
    for _ in range(120):
        for session in lab.server.sessions:
            session.last_used_at = lab.clock.now() + DAY / 2
        lab.advance(DAY / 2)
        pool.ping()
        take_all(pool, 2)
        oldest = max(oldest, *(lab.clock.now() - session.created_at for session in lab.server.sessions))
    assert 20 * DAY < oldest < 28 * DAY
    assert "GetSession" not in lab.server.calls.methods()


def test_the_keeper_keeps_sessions_through_a_night(lab: Lab) -> None:
    """A pool that is kept alive has, after ten idle hours, the sessions it had, and lends them without a call."""
    pool, _ = bound(lab, 3)
    names = [session.name for session in lab.server.sessions]
    pool.keep_alive()
    for _ in range(10 * 36):
        lab.advance(100)
        while pool._desk.look(pool._desk.ledger.keeping.next_due) <= lab.clock.now() or pool.stats().checking:
            pass
    assert sorted(session.name for session in lab.server.sessions) == names
    lab.server.calls.clear()
    take_all(pool, 3)
    assert lab.server.calls.methods() == []


# ---------------------------------------------------------------------------------------------------------- whose line


def test_whoever_holds_a_session_is_named_by_his_own_line(lab: Lab) -> None:
    """Not by the client's, whichever way he came to it."""
    pool, database = bound(lab, 2)
    lab.server.answer("UPDATE accounts SET a = 1 WHERE true", updated=1)
    seen: list[list[str]] = []

    def note(*_: object) -> None:
        seen.append([holder.place for holder in pool.holders()])

    with database.snapshot():
        note()
    with database.batch():
        note()
    database.run_in_transaction(lambda transaction: (update(transaction), note()))
    snapshot = database.batch_snapshot()
    list(snapshot.generate_query_batches("SELECT 1"))
    note()
    snapshot.close()
    connection = Connection(database._instance, database)
    connection._own_pool = False
    connection.cursor().execute("UPDATE accounts SET a = 1 WHERE true")
    note()
    connection.commit()
    assert [place.split(":")[0] for places in seen for place in places] == ["databases/test_spanner_uses.py"] * 5


# ------------------------------------------------------------------------------------------------ sessions put by hand


@pytest.mark.parametrize("how", ["own", "of the pool"])
@pytest.mark.parametrize("meanwhile", ["nothing", "filled", "cleared", "all lent"])
def test_another_session_may_be_put_for_one_that_was_deleted(lab: Lab, how: str, meanwhile: str) -> None:
    """Whoever deletes a lent session and puts another is welcome, whatever the pool did; none is too many after it."""
    pool, database = bound(lab, 2)
    for _ in range(5):
        session = pool.get(timeout=SOON)
        session.delete()
        another = Session(database) if how == "own" else pool._new_session()
        another.create()
        lent = []
        if meanwhile == "filled":
            until(lambda: pool.stats().idle == 2)
        elif meanwhile == "cleared":
            pool.clear()
        elif meanwhile == "all lent":
            lent = [pool.get(timeout=SOON) for _ in range(2)]
        pool.put(another)
        for each in lent:
            pool.put(each)
        lab.database(pool)
        quiet(pool)
        assert len(lab.server.sessions) == 2
    take_all(pool, 2)


def test_a_session_that_replaces_nobody_is_refused(lab: Lab) -> None:
    """Each deletion makes room for one session, no more."""
    pool, database = bound(lab, 1)
    pool.get().delete()
    first, second = Session(database), Session(database)
    for session in (first, second):
        session.create()
    pool.put(first)
    with pytest.raises(queue.Full):
        pool.put(second)


def test_what_was_put_before_bind_stays(lab: Lab) -> None:
    """An unbound pool takes sessions made by hand, lends, pings and clears them; `bind` tops it up."""
    other = lab.database(lab.pool(1))
    lab.server.calls.clear()
    pool, mine = lab.pool(2), [Session(other) for _ in range(2)]
    for session in mine:
        session.create()
        pool.put(session)
    with pytest.raises(queue.Full):
        pool.put(Session(other))
    lab.advance(3001)
    assert pool.ping() == 2
    pool.put(pool.get(timeout=0))
    pool.clear()
    assert len(lab.server.sessions) == 1
    third = Session(other)
    third.create()
    pool.put(third)
    lab.database(pool)
    assert third in take_all(pool, 2)


def test_what_was_put_long_before_bind_stays(lab: Lab) -> None:
    """A session that is overdue by then is proven by `bind`, and taken over; one that is gone is replaced."""
    other = lab.database(lab.pool(1))
    pool, mine = lab.pool(2), [Session(other) for _ in range(2)]
    for session in mine:
        session.create()
        pool.put(session)
    lab.advance(3001)
    lab.server.expire(mine[0].name)
    lab.database(pool)
    lent = take_all(pool, 2)
    assert mine[1] in lent
    assert mine[0] not in lent
    assert len(lab.server.sessions) == 3
