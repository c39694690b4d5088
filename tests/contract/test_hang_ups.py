"""The contract of hang-ups that are heard: the sockets are real, and so are the events; nobody asks anything."""

import os
import select
import socket
from collections.abc import Iterator, Mapping

import pytest

from pingpool.core.backoff import APART
from pingpool.testing import FakeSession, FaultyDatabase
from tests.contract.world import Pool, World, start

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system has no epoll")


class SocketDatabase(FaultyDatabase):
    """Each session has a socket; the other side may hang up."""

    def __init__(self) -> None:
        super().__init__()
        self.near: dict[int, socket.socket] = {}
        self.far: dict[int, socket.socket] = {}

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        session = super().create(labels=labels, timeout=timeout)
        self.near[session.number], self.far[session.number] = socket.socketpair()
        return session

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        super().delete(session, timeout=timeout)
        self.near[session.number].close()
        self.far[session.number].close()

    def descriptor_of(self, session: FakeSession) -> int | None:
        self._meet("descriptor_of")
        return self.near[session.number].fileno()

    def hang_up(self, *numbers: int) -> None:
        """End these sessions on the server's side."""
        for session in self.sessions:
            if session.number in numbers:
                self.kill(session)
                self.far[session.number].close()

    def close_all(self) -> None:
        for link in (*self.near.values(), *self.far.values()):
            link.close()


@pytest.fixture
def database() -> Iterator[SocketDatabase]:
    """A database whose sockets are closed at last."""
    database = SocketDatabase()
    yield database
    database.close_all()


async def whole(world: World, pool: Pool, created: int) -> None:
    """Wait until so many sessions have been created in all, and all are idle that nobody has."""
    await world.until(lambda: pool.stats().created == created and pool.stats().idle + pool.stats().in_use == pool.size)


async def whole_a_moment_later(world: World, pool: Pool, created: int) -> None:
    """The same where idle ones died: nobody waits, so the first attempt begins within some tenths of a second."""
    await world.until(lambda: sum(pool.stats().replaced.values()) >= created - pool.size)
    world.clock.advance(APART)
    await whole(world, pool, created)


async def test_an_idle_session_is_replaced_though_nobody_asks(world: World, database: SocketDatabase) -> None:
    """No checkout and no ping is asked for; nobody else is suspected."""
    pool = await world.open(database)
    database.hang_up(1)
    await whole_a_moment_later(world, pool, 3)
    assert (database.calls["ping"], pool.stats().immediate) == (0, 0)
    assert pool.stats().replaced == {"gone": 1}
    assert {(await pool.get(0)).use(), (await pool.get(0)).use()} == {2, 3}


async def test_all_idle_sessions_are_replaced(world: World, database: SocketDatabase) -> None:
    """As many as there are, and all that is left of them is ended."""
    pool = await world.open(database, size=20)
    world.clock.advance(10)  # or else they would count as dead on arrival, and their successors as no better
    database.hang_up(*range(1, 21))
    await whole_a_moment_later(world, pool, 40)
    await world.until(lambda: database.calls["delete"] == 20)
    assert (database.calls["ping"], pool.stats().immediate) == (0, 0)


async def test_a_lent_session_is_replaced_when_it_comes_back(world: World, database: SocketDatabase) -> None:
    """Its holder keeps it until then; after that the other session is proven before it is lent."""
    pool = await world.open(database)
    session, other = await pool.get(), await pool.get()
    await pool.put(other)
    database.hang_up(session.number, other.number)
    await whole_a_moment_later(world, pool, 3)  # the idle one; by then the other was heard, too
    assert pool.stats().in_use == 1
    await pool.put(session)
    await whole(world, pool, 4)
    assert pool.stats().replaced == {"gone": 1, "lost": 1}
    assert (await pool.get(5)).use() == 3
    assert database.calls["ping"] == 1


async def test_the_others_are_proven_though_nobody_asks(world: World, database: SocketDatabase) -> None:
    """When a session comes back that was heard, well as its use may have been, the keeper is woken."""
    pool = await world.open(database, size=3, ping_interval=3000)
    await pool.keep_alive()
    session = await pool.get()
    database.hang_up(session.number)
    await world.until(lambda: is_marked(pool))
    await pool.put(session)
    await world.until(lambda: pool.stats().created == 4)
    await world.pass_time_until(
        start(world.seen("ping", 3))
    )  # the new one, too; a keeper that sleeps would for minutes
    await world.rest()
    assert pool.stats().idle == 3


async def test_a_hang_up_during_a_check_is_not_forgotten(world: World, database: SocketDatabase) -> None:
    """A session that answered just before the other side hung up is replaced all the same."""
    pool = await world.open(database, size=1)
    world.clock.advance(60)
    with database.hanging("ping"):
        pinging = start(pool.ping())
        await world.seen("ping", 1)
        database.far[1].close()
        await world.until(lambda: is_marked(pool))
    await pinging
    await whole(world, pool, 2)
    assert pool.stats().replaced == {"gone": 1}


def is_marked(pool: Pool) -> bool:
    """Was a hang-up heard on a session that somebody has?"""
    return bool(pool.bare._desk.ledger.places.hangups.heard)


async def test_a_session_that_was_detached_is_nobodys_business(world: World, database: SocketDatabase) -> None:
    """Whoever keeps a session hears of its end by himself."""
    pool = await world.open(database, size=1)
    session = await pool.get()
    await pool.detach(session)
    await whole(world, pool, 2)
    database.hang_up(session.number)
    database.hang_up(2)  # this one is heard, and so the other would have been
    await whole_a_moment_later(world, pool, 3)
    assert pool.stats().replaced == {"detached": 1, "gone": 1}


async def test_another_socket_in_a_session_is_heard_after_a_ping(world: World, database: SocketDatabase) -> None:
    """The first is closed, and the session has another one: from its next ping on that one is watched."""
    pool = await world.open(database, size=1)
    database.near[1].close()
    database.far[1].close()
    database.near[1], database.far[1] = socket.socketpair()
    world.clock.advance(60)
    assert await pool.ping() == 1
    database.hang_up(1)
    await whole_a_moment_later(world, pool, 2)
    assert pool.stats().replaced == {"gone": 1}


async def test_a_descriptor_that_is_no_socket_is_left_alone(world: World, database: SocketDatabase) -> None:
    """What the system cannot watch, or what is closed already, costs no session."""
    with open(os.devnull) as nothing:
        vars(database)["descriptor_of"] = lambda session: nothing.fileno() if session.number == 1 else 10_000
        pool = await world.open(database)
    assert pool.stats().idle == 2
    assert {(await pool.get(0)).use(), (await pool.get(0)).use()} == {1, 2}


@pytest.mark.parametrize("answer", [None, -1, "7"])
async def test_a_database_need_not_tell(world: World, database: SocketDatabase, answer: object) -> None:
    """A session without a descriptor is as it would be without a sentinel."""
    vars(database)["descriptor_of"] = lambda session: answer
    pool = await world.open(database)
    session = await pool.get()
    await pool.put(session)
    assert pool.stats().idle == 2


async def test_a_broken_answer_is_told_as_a_bug(
    world: World, database: SocketDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    """A `descriptor_of` that raises costs no session."""
    database.fail("descriptor_of", TypeError)
    pool = await world.open(database)
    assert pool.stats().idle == 2
    assert pool.stats().broken_hooks == 2
    assert "descriptor_of is broken" in caplog.text
    await pool.clear()


async def test_without_an_epoll_nothing_is_heard(
    world: World, database: SocketDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system has none a pool works as ever: what died is found by the next ping."""
    monkeypatch.delattr(select, "epoll")
    pool = await world.open(database)
    database.hang_up(1)
    world.clock.advance(60)
    assert await pool.ping() == 1
    await whole(world, pool, 3)
    assert pool.bare._desk.sentinel is None


async def test_a_closed_pool_hears_nothing(world: World, database: SocketDatabase) -> None:
    """Nobody is told of a session that is still lent when the pool is closed, and of no other."""
    pool = await world.open(database)
    session = await pool.get()
    await pool.close()
    assert pool.bare._desk.sentinel is None
    database.hang_up(session.number)
    await pool.put(session)
    await world.until(lambda: pool.stats().vacant == 2)
    assert "lost" not in pool.stats().replaced


async def test_a_session_that_comes_after_the_end_is_not_watched(world: World, database: SocketDatabase) -> None:
    """A pool that was closed while a session was being opened has no use for a sentinel."""
    pool = await world.open(database, size=1)
    with database.hanging("create"):
        await pool.discard(await pool.get())
        await world.seen("create", 2)
        await pool.close(0)
    await world.until(lambda: database.calls["delete"] == 2)
    assert pool.bare._desk.sentinel is None


@pytest.mark.parametrize("answer", [None, OSError])
async def test_a_session_that_is_closed_already_ends_all_the_same(
    world: World, database: SocketDatabase, answer: type[OSError] | None
) -> None:
    """Where its descriptor was, nobody can tell any more; it has left by itself."""
    pool = await world.open(database, size=1)
    session = await pool.get()
    if answer is None:
        vars(database)["descriptor_of"] = lambda session: None
    else:
        database.fail("descriptor_of", answer, times=1)
    await pool.discard(session)
    await whole(world, pool, 2)
    assert pool.stats().broken_hooks == 0
