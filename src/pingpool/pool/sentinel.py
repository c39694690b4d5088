"""The sentinel: hears of hang-ups without asking.

One `epoll`, in which the socket of each session is registered once, for hang-ups and errors only: it is silent while
sessions are used, and costs nothing at a checkout. What is heard is told to the desk of the session's pool.

It is no substitute for the look at checkout. A server says its last words some milliseconds before it hangs up, and in
between only a look shows them. Nor does it hear of a black hole: that is for pings.

A number of a descriptor is used again once its own is closed, so a session leaves before that. An event that was under
way hits nobody: the descriptor is looked at once more, and the ledger knows sessions by their references. Where a
driver exchanges the socket in its session, the next check or reset of the session has the new one registered.

Where there is no `epoll` a pool does without: gevent and eventlet take it away, other systems than Linux have none.
"""

import select
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, Self
from weakref import WeakSet, ref

from pingpool.core.slot import Slot
from pingpool.pool.log import log

POLL: Any = getattr(select, "poll", None)
"""The system's own, also where gevent comes later: there is one wherever there is an `epoll`."""


AT_ONCE = 64
"""How many hang-ups are told at once: where a server ends thousands of sessions, a loop serves others in between."""


class Watch(NamedTuple):
    """Whose socket it is: the slot, and the reference of its session."""

    slot: Slot
    reference: Any


class Listener(Protocol):
    """The desk of a pool, as the sentinel sees it."""

    watched: dict[int, Watch]
    """By their descriptors what is watched for it. So nothing here keeps a session alive, which may know its loop."""

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        """Hear that the other side has hung up on the session that has this reference, in this slot."""
        ...


class Sentinel:
    """Watches the sockets of pools. Each step may be taken by any thread, beside any other."""

    def __init__(self) -> None:
        """Raise `AttributeError` where there is no `epoll`, and `OSError` where none can be had."""
        self._epoll: Any = select.epoll()
        self._events: int = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLET
        self._watched: dict[int, ref[Listener]] = {}
        self._heard: deque[int] = deque()
        self._desks: WeakSet[Listener] = WeakSet()

    @classmethod
    def if_possible(cls) -> Self | None:
        """Return a sentinel, if the system can have one."""
        try:
            return cls()
        except (AttributeError, OSError):
            return None

    @property
    def descriptor(self) -> int:
        """What becomes readable when something is to be heard."""
        fd: int = self._epoll.fileno()
        return fd

    def enlist(self, desk: Listener) -> None:
        """Work for this desk, too."""
        self._desks.add(desk)

    def discharge(self, desk: Listener) -> bool:
        """Work for this desk no longer; return whether that was the last one."""
        self._desks.discard(desk)
        for fd in desk.watched.copy():
            if self._whose(fd) is desk:
                self._leave(fd, desk)
        return not self._desks

    def watch(self, fd: int, desk: Listener, slot: Slot) -> None:
        """Tell the desk when the other side hangs up on this descriptor, or if it has: it is of the slot's session."""
        before = self._whose(fd)
        if before is not None and before is not desk:
            before.watched.pop(fd, None)
        desk.watched[fd] = Watch(slot, slot.ref)
        self._watched[fd] = ref(desk)
        try:
            try:
                self._epoll.register(fd, self._events)
            except FileExistsError:
                self._epoll.modify(fd, self._events)
        except (OSError, ValueError):  # it is no socket, or closed by now; or the system watches no more of them
            self._forget(fd, desk)

    def forget(self, fd: int, session: object) -> None:
        """Watch this descriptor no longer, if it was watched for this session."""
        found = self._found(fd)
        if found is not None and found[1].reference() is session:
            self._leave(fd, found[0])

    def hear(self, timeout: float | None) -> None:
        """Tell what happened; wait for something to happen at most so many seconds, or for as long as it takes."""
        if not self._heard:  # or else an interrupt came in between
            self._heard.extend(fd for fd, _ in self._epoll.poll(timeout, AT_ONCE))
        while self._heard:
            try:
                self._tell(self._heard[0])
            except Exception:  # one pool that cannot hear keeps no other from it
                log().exception("a hang-up could not be told")
            self._heard.popleft()  # last: an interrupt may come before, and to be told twice does no harm

    def close(self) -> None:
        """Let go of what the system holds for it."""
        self._epoll.close()

    def _tell(self, fd: int) -> None:
        found = self._found(fd)
        if found is not None and has_hung_up(fd):
            desk, watch = found
            desk.hear_hang_up(watch.slot, watch.reference)

    def _found(self, fd: int) -> tuple[Listener, Watch] | None:
        desk = self._whose(fd)
        watch = None if desk is None else desk.watched.get(fd)
        return None if desk is None or watch is None else (desk, watch)

    def _whose(self, fd: int) -> Listener | None:
        desk = self._watched.get(fd)
        return None if desk is None else desk()

    def _forget(self, fd: int, desk: Listener) -> None:
        self._watched.pop(fd, None)
        desk.watched.pop(fd, None)

    def _leave(self, fd: int, desk: Listener) -> None:
        self._forget(fd, desk)
        with suppress(OSError, ValueError):  # it was closed by its holder, or by the driver
            self._epoll.unregister(fd)


def has_hung_up(fd: int) -> bool:
    """Has the other side hung up, or is the descriptor closed here?"""
    poll = POLL()
    poll.register(fd, select.POLLRDHUP)
    return bool(poll.poll(0))
