"""The sentinel by itself: real sockets and events, heard when the test says so."""

import os
import select
import socket
import weakref
from collections.abc import Iterator

import pytest

from pingpool.core.slot import Slot
from pingpool.pool.sentinel import AT_ONCE, Sentinel, Watch

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system has no epoll")


class Link:
    """A session, and the other side of its socket."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.slot = Slot()
        self.slot.ref = lambda: self

    @property
    def fd(self) -> int:
        return self.near.fileno()

    def close(self) -> None:
        self.near.close()
        self.far.close()


class Desk:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Slot, object]] = []
        self.watched: dict[int, Watch] = {}

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        self.heard.append((slot, reference))


class InterruptedDesk(Desk):
    """One that a Ctrl-C strikes whenever it hears."""

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        super().hear_hang_up(slot, reference)
        raise KeyboardInterrupt


class DeafDesk(Desk):
    """One that fails whenever it hears."""

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        super().hear_hang_up(slot, reference)
        raise ValueError("the log is broken")


@pytest.fixture
def sentinel() -> Iterator[Sentinel]:
    """A sentinel at work for nobody yet."""
    sentinel = Sentinel()
    yield sentinel
    sentinel.close()


@pytest.fixture
def links() -> Iterator[list[Link]]:
    """Two sessions."""
    links = [Link(), Link()]
    yield links
    for link in links:
        link.close()


def test_a_pool_that_cannot_hear_keeps_no_other_from_it(sentinel: Sentinel, links: list[Link]) -> None:
    """What its desk raises goes to the log, and the next one is told."""
    deaf, desk = DeafDesk(), Desk()
    for link, each in zip(links, (deaf, desk), strict=True):
        sentinel.watch(link.fd, each, link.slot)
        link.far.close()
    sentinel.hear(0)
    assert len(deaf.heard) == len(desk.heard) == 1


def test_a_hang_up_is_heard_once(sentinel: Sentinel, links: list[Link]) -> None:
    """Whoever is watched is told to his desk, and nobody else; what is said on a socket is no event."""
    desk, (one, other) = Desk(), links
    for link in links:
        sentinel.watch(link.fd, desk, link.slot)
    other.far.send(b"a notice")
    one.far.close()
    sentinel.hear(0)
    sentinel.hear(0)
    assert desk.heard == [(one.slot, one.slot.ref)]


def test_a_hang_up_before_the_watch_is_heard(sentinel: Sentinel, links: list[Link]) -> None:
    """Nothing is missed by coming late, nor by coming again after an event that nobody could use."""
    desk, (one, _) = Desk(), links
    one.far.close()
    sentinel.watch(one.fd, desk, one.slot)
    sentinel.hear(0)
    sentinel.watch(one.fd, desk, one.slot)
    sentinel.hear(0)
    assert desk.heard == [(one.slot, one.slot.ref)] * 2


def test_a_stale_event_hits_nobody(sentinel: Sentinel, links: list[Link]) -> None:
    """A descriptor whose event is under way is used again: its new owner is well.

    The first one lives on in another descriptor, as in a forked child, so the system does not forget it.
    """
    desk, (one, other) = Desk(), links
    sentinel.watch(one.fd, desk, one.slot)
    alive_elsewhere = os.dup(one.fd)
    one.far.close()
    os.dup2(other.fd, one.fd)
    sentinel.watch(one.fd, desk, other.slot)
    sentinel.hear(0)
    assert desk.heard == []
    other.far.close()
    sentinel.hear(0)
    assert desk.heard == [(other.slot, other.slot.ref)]
    os.close(alive_elsewhere)


def test_an_interrupt_costs_one_event_at_most(sentinel: Sentinel, links: list[Link]) -> None:
    """What was to be told after it is told by the next call, which waits for nothing."""
    desk = InterruptedDesk()
    for link in links:
        sentinel.watch(link.fd, desk, link.slot)
        link.far.close()
    with pytest.raises(KeyboardInterrupt):
        sentinel.hear(0)
    with pytest.raises(KeyboardInterrupt):
        sentinel.hear(None)
    assert len(desk.heard) == 2


def test_who_has_left_is_not_heard(sentinel: Sentinel, links: list[Link]) -> None:
    """A session that leaves takes no other with it, though that has its descriptor by now."""
    desk, (one, other) = Desk(), links
    sentinel.watch(one.fd, desk, one.slot)
    sentinel.forget(one.fd, other)
    one.far.close()
    sentinel.hear(0)
    assert len(desk.heard) == 1
    sentinel.watch(other.fd, desk, other.slot)
    sentinel.forget(other.fd, other)
    sentinel.forget(other.fd, other)
    other.far.close()
    sentinel.hear(0)
    assert len(desk.heard) == 1


def test_the_sessions_of_a_desk_leave_together(sentinel: Sentinel, links: list[Link]) -> None:
    """Other desks hear on; the last one to go is told so."""
    desks = [Desk(), Desk()]
    for desk, link in zip(desks, links, strict=True):
        sentinel.enlist(desk)
        sentinel.watch(link.fd, desk, link.slot)
    assert not sentinel.discharge(desks[0])
    for link in links:
        link.far.close()
    sentinel.hear(0)
    assert [len(desk.heard) for desk in desks] == [0, 1]
    assert sentinel.discharge(desks[1])


def test_a_desk_is_not_kept_alive(sentinel: Sentinel, links: list[Link]) -> None:
    """An event for a pool that was dropped is told to nobody."""
    sentinel.watch(links[0].fd, Desk(), links[0].slot)
    links[0].far.close()
    sentinel.hear(0)


def test_a_session_is_not_kept_alive(sentinel: Sentinel) -> None:
    """Not by a sentinel: one of a pool that was dropped may know the loop that the sentinel lives with."""
    near, far = socket.socketpair()
    slot, desk = Slot(), Desk()
    slot.session, slot.ref = near, weakref.ref(near)
    sentinel.enlist(desk)
    sentinel.watch(near.fileno(), desk, slot)
    gone = slot.ref
    near.detach()
    del near, slot, desk
    assert gone() is None
    far.close()


def test_what_was_closed_meanwhile_has_hung_up(sentinel: Sentinel, links: list[Link]) -> None:
    """An event whose descriptor was closed before it was looked at again is told."""
    desk, (one, _) = Desk(), links
    sentinel.watch(one.fd, desk, one.slot)
    alive_elsewhere = os.dup(one.fd)
    one.far.close()
    one.near.close()
    sentinel.hear(0)
    assert len(desk.heard) == 1
    os.close(alive_elsewhere)


def test_what_cannot_be_watched_is_left_alone(sentinel: Sentinel) -> None:
    """A file, or what is closed, has no hang-ups."""
    slot = Slot()
    sentinel.watch(10_000, Desk(), slot)
    with open(os.devnull) as nothing:
        sentinel.watch(nothing.fileno(), Desk(), slot)


def test_a_process_that_has_no_descriptors_left_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does one on a system that has no epoll."""

    def no_room() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(select, "epoll", no_room)
    assert Sentinel.if_possible() is None
    monkeypatch.delattr(select, "epoll")
    assert Sentinel.if_possible() is None


def test_where_many_hang_up_together_they_are_told_a_few_at_a_time(sentinel: Sentinel) -> None:
    """A loop serves others in between; nothing is lost, and no hang-up has to come twice."""
    desk, links = Desk(), [Link() for _ in range(AT_ONCE + 1)]
    for each in links:
        sentinel.watch(each.fd, desk, each.slot)
        each.far.close()
    sentinel.hear(0)
    assert len(desk.heard) == AT_ONCE
    sentinel.hear(0)
    assert {slot for slot, _ in desk.heard} == {each.slot for each in links}
    for each in links:
        each.near.close()
