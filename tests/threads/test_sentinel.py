"""The sentinel of the threads: one for the process, while it is of use, and another one in each forked child."""

import os
import select
import socket
import threading
from collections.abc import Callable

import pytest

import pingpool
from pingpool.databases.callables import Callables
from pingpool.threads import sentinel
from tests.databases.waiting import until

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system has no epoll")

NAME = "pingpool-sentinel"


class Server:
    """Keeps the other ends of all sockets, and may hang up."""

    def __init__(self) -> None:
        self.far: list[socket.socket] = []

    def connect(self) -> socket.socket:
        near, far = socket.socketpair()
        self.far.append(far)
        return near

    def open(self, **options: int) -> pingpool.PingingPool[socket.socket]:
        database = Callables(self.connect, ping=lambda link: None, socket=lambda link: link)
        return pingpool.open(database, wait_for=None, **options)

    def hang_up(self) -> None:
        while self.far:
            self.far.pop().close()


@pytest.fixture
def server() -> Server:
    """A server without a network."""
    return Server()


def sentinels() -> list[threading.Thread]:
    """Return the threads of that name."""
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def has_replaced(pool: pingpool.PingingPool[socket.socket], created: int) -> bool:
    """Has the pool opened so many sessions in all, and are all idle?"""
    return (pool.stats().created, pool.stats().idle) == (created, pool.size)


def test_one_thread_serves_all_pools_and_goes_with_the_last(server: Server) -> None:
    """It begins with the first session that has a socket; when `close` of the last pool has returned it is gone."""
    assert not sentinels()
    with server.open(size=2) as one:
        with server.open(size=3) as other:
            assert len(sentinels()) == 1
        assert len(sentinels()) == 1
        server.hang_up()
        until(lambda: has_replaced(one, 4))
    assert not sentinels()
    assert other.closed
    server.hang_up()


def test_a_pool_without_sockets_needs_none() -> None:
    """No thread and no descriptor where there is nothing to hear."""
    with pingpool.open(Callables(object, ping=lambda session: None, delete=lambda session: None), size=1):
        assert not sentinels()


def test_a_pool_does_without_a_thread_that_cannot_be_had(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is heard until a later session asks again; then also what happened before."""

    def no_thread(name: str, step: Callable[[], bool]) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sentinel, "OwnThread", no_thread)
    with server.open(size=2) as pool:
        assert (len(sentinels()), pool.stats().idle) == (0, 2)
        server.hang_up()
        monkeypatch.undo()
        session = pool.get()  # one died; the look sees it, and its successor is watched
        pool.put(session)
        until(lambda: has_replaced(pool, 4))
        assert len(sentinels()) == 1
    assert not sentinels()
    server.hang_up()


def test_the_post_is_left_without_a_thread(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool may come and go while no thread can be had."""

    def no_thread(name: str, step: Callable[[], bool]) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sentinel, "OwnThread", no_thread)
    with server.open(size=1):
        pass
    assert sentinel.SENTINEL._sentinel is None
    server.hang_up()


def test_a_dropped_pool_lets_the_sentinel_go(server: Server) -> None:
    """It holds no pool: one that nobody can reach any more is closed, and the thread ends."""
    pool: object = server.open(size=1)
    assert sentinels()
    with pytest.warns(ResourceWarning):
        del pool
    until(lambda: not sentinels())
    server.hang_up()


def test_a_pool_that_was_cleared_and_dropped_lets_the_sentinel_go(server: Server) -> None:
    """Without a warning: it has no session that somebody should have ended."""
    pool = server.open(size=1)
    pool.clear()
    assert sentinels()
    del pool
    until(lambda: not sentinels())
    server.hang_up()


def test_a_forked_child_has_its_own(server: Server) -> None:
    """The child hears of its own sessions, and of no other; the parent goes on as before."""
    with server.open(size=2) as pool:
        inherited = list(server.far)
        child = os.fork()
        if not child:
            try:
                server.far.clear()
                assert sentinel.SENTINEL._sentinel is None
                session = pool.get(5)
                pool.put(session)
                server.hang_up()
                until(lambda: pool.stats().replaced == {"gone": 1})
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(inherited) == 2
        server.hang_up()
        until(lambda: has_replaced(pool, 4))
    server.hang_up()
