"""Where a system has no `poll`, or eventlet took it away, sockets are looked at by `select`."""

import os
import select
import socket
from importlib.util import find_spec, module_from_spec
from types import ModuleType

import pytest

from pingpool.databases.common.sockets import Look, kept_polls, look_at


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, imported where there is no `poll`."""
    monkeypatch.delattr(select, "poll")
    spec = find_spec("pingpool.databases.common.sockets")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_look_without_poll(sockets: ModuleType) -> None:
    """A quiet socket is told from one that speaks, and from one that is closed here; nothing is waited for."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert sockets.look_at(ours.fileno()) is sockets.Look.QUIET
        assert not sockets.await_speech(ours.fileno(), -1.0)
        theirs.send(b"!")
        assert sockets.look_at(ours.fileno()) is sockets.Look.SPEAKS
        assert sockets.await_speech(ours.fileno(), 10.0)
    assert sockets.look_at(-1) is sockets.Look.HUNG_UP


def test_a_hang_up_without_poll_reads_as_the_end_of_the_stream(sockets: ModuleType) -> None:
    """A hang-up shows as speech that turns out to be none."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        assert sockets.look_at(ours.fileno()) is sockets.Look.SPEAKS
        assert sockets.peek(ours) == b""


def test_a_descriptor_is_looked_at_as_it_is_now() -> None:
    """What looks at a number is kept, and tells of whatever the number stands for by then."""
    (ours, theirs), (speaker, heard) = socket.socketpair(), socket.socketpair()
    with ours, theirs, speaker, heard:
        assert look_at(ours.fileno()) is Look.QUIET
        speaker.send(b"!")
        os.dup2(heard.fileno(), ours.fileno())
        assert look_at(ours.fileno()) is Look.SPEAKS


def test_two_threads_may_look_at_one_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another thread is in mid-look, or was when the process forked, a new one looks."""

    def busy(_: int) -> list[tuple[int, int]]:
        raise RuntimeError("concurrent poll() invocation")

    ours, theirs = socket.socketpair()
    with ours, theirs:
        monkeypatch.setitem(kept_polls, ours.fileno(), busy)
        assert look_at(ours.fileno()) is Look.QUIET
        theirs.close()
        assert look_at(ours.fileno()) is Look.HUNG_UP
