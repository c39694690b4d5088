"""What the socket of an idle session tells without a round trip, and how to free who hangs on it.

An idle session is quiet. If its socket speaks, the server has hung up, or said its last words. Two innocent reasons
only the driver can tell apart: a notice that the protocol allows at any time, and TLS talking to itself.

A black hole looks quiet, too. Only a ping with a deadline finds it out.
"""

import enum
import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

Poll: TypeAlias = Callable[[int], list[tuple[int, int]]]
"""The `poll` of an object that watches one descriptor, for so many milliseconds."""


class Look(enum.Enum):
    """What a look at a socket shows."""

    QUIET = "nothing has come"
    SPEAKS = "something has come, though nobody asked"
    HUNG_UP = "the other side has closed it"


QUIET: Final = Look.QUIET
SPEAKS: Final = Look.SPEAKS
HUNG_UP: Final = Look.HUNG_UP
"""The same without a look into the class: each checkout asks."""


# Windows has no `poll`, and eventlet takes it away: there a hang-up shows as speech that turns out to be none. The look
# waits for nothing, so where eventlet or gevent come later the system's own will do.
if hasattr(select, "poll"):
    POLL = select.poll
    # Not every system tells that the other side has closed its half; then a hang-up shows as speech.
    WATCHED = select.POLLIN | getattr(select, "POLLRDHUP", 0)

    kept_polls: dict[int, Poll] = {}
    """What looks at a descriptor, whatever that stands for by now: to make one takes longer than to look."""

    def look_at(fd: int) -> Look:
        """Look at a socket, by its file descriptor; one below 0 is closed here. It takes half a microsecond."""
        try:
            seen = kept_polls[fd](0)
        except (KeyError, RuntimeError):  # the latter: another thread looks, or did so in the moment of a fork
            if fd < 0:
                return HUNG_UP
            seen = keep_poll(fd)(0)
        if not seen:
            return QUIET
        return SPEAKS if seen[0][1] == select.POLLIN else HUNG_UP

    def keep_poll(fd: int) -> Poll:
        """Make what looks at a descriptor, and keep it."""
        poll = POLL()
        poll.register(fd, WATCHED)
        kept_polls[fd] = poll.poll
        return poll.poll

else:

    def look_at(fd: int) -> Look:
        """Look at a socket, by its file descriptor; one below 0 is closed here."""
        if fd < 0:
            return HUNG_UP
        return SPEAKS if select.select([fd], [], [], 0)[0] else QUIET


def is_quiet(fd: int, link: object) -> bool:
    """Has nothing come on a socket, or only what TLS says to itself? `link` is its object, if the driver shows it."""
    look = look_at(fd)
    if look is SPEAKS and isinstance(link, ssl.SSLSocket):
        return peek(link) is None
    return look is QUIET


def descriptor_of(link: Any) -> int:
    """Return the descriptor of a socket, or of what has one; -1 of one that is closed, or not there any more."""
    if link is None or isinstance(link, int):
        return -1 if link is None else link
    try:
        fd: int = link.fileno()
    except (OSError, ValueError):
        return -1
    return fd


def await_speech(fd: int, timeout: float) -> bool:
    """Wait until something comes, or the other side hangs up; False if neither does in `timeout` seconds."""
    timeout = max(0.0, timeout)
    if not hasattr(select, "poll"):
        return bool(select.select([fd], [], [], timeout)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def descriptor_through(transport: Any) -> int:
    """Return the descriptor of the socket of an asyncio transport; -1 of one that is closed."""
    return descriptor_of(transport.get_extra_info("socket"))


def look_through(transport: Any) -> Look:
    """Look at the socket of an asyncio transport: the system knows of a hang-up before the loop has heard of it."""
    return look_at(transport.get_extra_info("socket").fileno())


def peek(link: socket.socket) -> bytes | None:
    """Return the first byte that has come, b"" at the end of the stream, or None if nothing has come after all.

    Under TLS that may be so: a session ticket, a change of keys. A byte is lost there, and the session with it.
    """
    patience = link.gettimeout()
    link.settimeout(0)
    try:
        return link.recv(1) if isinstance(link, ssl.SSLSocket) else link.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
    except OSError:
        return b""
    finally:
        link.settimeout(patience)


class Seat(NamedTuple):
    """A descriptor and what it stood for: a number is used again for another socket once its own is closed."""

    fd: int
    file: tuple[int, int]

    @classmethod
    def of(cls, fd: int) -> "Seat":
        """Note what a descriptor stands for now."""
        return cls(fd, identity_of(fd))

    def hang_up(self) -> None:
        """End the stream at once, if it is still the same: whoever reads or writes on it returns with an error."""
        hang_up(self.fd, self.file)


def identity_of(fd: int) -> tuple[int, int]:
    """Return what tells one open file from another."""
    about = os.fstat(fd)
    return about.st_dev, about.st_ino


def hang_up(fd: int, file: tuple[int, int] | None = None) -> None:
    """End the stream at once, so that whoever reads or writes on it returns with an error.

    Closing would not, and would free the number for another socket while its owner still uses it. If `file` is given,
    nothing is done unless the number still stands for that.
    """
    try:
        with socket.socket(fileno=os.dup(fd)) as twin:
            if file is None or identity_of(twin.fileno()) == file:
                twin.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is closed already
        return


def stop_writing(fd: int) -> None:
    """End this side's half of the stream: the other side reads the end, and may still answer."""
    try:
        with socket.socket(fileno=os.dup(fd)) as twin:
            twin.shutdown(socket.SHUT_WR)
    except OSError:  # it is closed already
        return


def shut_down(link: socket.socket) -> None:
    """The same for a socket object, also under TLS, which would first want to say goodbye."""
    try:
        socket.socket.shutdown(link, socket.SHUT_RDWR)
    except OSError:
        return
