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
from weakref import WeakKeyDictionary, ref

from pingpool.core.slot import Slot
from pingpool.pool.log import log

POLL: Any = getattr(select, "poll", None)
"""The system's own, also where gevent comes later: there is one wherever there is an `epoll`."""


AT_ONCE = 64
"""How many hang-ups are told at once: where a server ends thousands of sessions, a loop serves others in between."""


class Listener(Protocol):
    """The desk of a pool, as the sentinel sees it."""

    def hear_hang_up(self, slot: Slot, reference: object) -> None:
        """Hear that the other side has hung up on the session that has this reference, in this slot."""
        ...


class Watch(NamedTuple):
    """Whose socket it is: the desk, which nothing here keeps alive, the slot, and the reference of its session."""

    desk: "ref[Listener]"
    slot: Slot
    reference: Any


class Sentinel:
    """Watches the sockets of pools. Each step may be taken by any thread, beside any other."""

    def __init__(self) -> None:
        """Raise `AttributeError` where there is no `epoll`, and `OSError` where none can be had."""
        self._epoll: Any = select.epoll()
        self._events: int = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLET
        self._watched: dict[int, Watch] = {}
        self._heard: deque[int] = deque()
        self._desks: WeakKeyDictionary[Listener, set[int]] = WeakKeyDictionary()  # with all that each had watched

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
        self._desks.setdefault(desk, set())

    def discharge(self, desk: Listener) -> bool:
        """Work for this desk no longer; return whether that was the last one."""
        for fd in self._desks.pop(desk, set()).copy():
            watch = self._watched.get(fd)
            if watch is not None and watch.desk() is desk:
                self._leave(fd)
        return not self._desks

    def watch(self, fd: int, desk: Listener, slot: Slot) -> None:
        """Tell the desk when the other side hangs up on this descriptor, or if it has: it is of the slot's session."""
        self._watched[fd] = Watch(ref(desk), slot, slot.ref)
        fds = self._desks.get(desk)
        if fds is not None:  # or else it was discharged just now
            fds.add(fd)
        try:
            try:
                self._epoll.register(fd, self._events)
            except FileExistsError:
                self._epoll.modify(fd, self._events)
        except (OSError, ValueError):  # it is no socket, or closed by now; or the system watches no more of them
            self._watched.pop(fd, None)

    def forget(self, fd: int, session: object) -> None:
        """Watch this descriptor no longer, if it was watched for this session."""
        watch = self._watched.get(fd)
        if watch is not None and watch.reference() is session:
            self._leave(fd)

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
        watch = self._watched.get(fd)
        desk = None if watch is None else watch.desk()
        if watch is not None and desk is not None and has_hung_up(fd):
            desk.hear_hang_up(watch.slot, watch.reference)

    def _leave(self, fd: int) -> None:
        self._watched.pop(fd, None)
        with suppress(OSError, ValueError):  # it was closed by its holder, or by the driver
            self._epoll.unregister(fd)


def has_hung_up(fd: int) -> bool:
    """Has the other side hung up, or is the descriptor closed here?"""
    poll = POLL()
    poll.register(fd, select.POLLRDHUP)
    return bool(poll.poll(0))
