"""Redis and Valkey: what is still to come on a connection, and what has come unasked.

An answer that nobody has read would be taken for the answer to the next command, which may be the next holder's. That
it has not come yet does not make it better: so a connection remembers that it owes one.
"""

import functools
import socket
from typing import Any

PUSH = b">"
"""How a message begins that the protocol (version 3) allows at any time."""


@functools.cache
def owing(kind: Any, memory: type, complaint: type[Exception]) -> Any:
    """Return this kind of connection as one that knows whether an answer is still to come."""
    return type(kind.__name__, (memory, kind), {"__module__": kind.__module__, "complaint": complaint})


class Owing:
    """What a connection knows besides: whether it has sent something since it last read an answer to its end."""

    owes = False
    complaint: type[Exception]
    """The driver's error for an answer that is a complaint."""

    def send_packed_command(self, *command: Any, **options: Any) -> None:
        """Send."""
        self.owes = True
        base: Any = super()
        base.send_packed_command(*command, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read an answer, be it a complaint."""
        base: Any = super()
        try:
            answer = base.read_response(*arguments, **options)
        except self.complaint:
            self.owes = False
            raise
        self.owes = False
        return answer


class AsyncOwing:
    """The same for asyncio."""

    owes = False
    complaint: type[Exception]

    async def send_packed_command(self, *command: Any, **options: Any) -> None:
        """Send."""
        self.owes = True
        base: Any = super()
        await base.send_packed_command(*command, **options)

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read an answer, be it a complaint."""
        base: Any = super()
        try:
            answer = await base.read_response(*arguments, **options)
        except self.complaint:
            self.owes = False
            raise
        self.owes = False
        return answer


def has_read_ahead(parser: Any) -> bool:
    """Has the driver's parser, of either world, taken more from the stream than it has given out?"""
    reader = getattr(parser, "_reader", None)
    if reader is not None:  # hiredis, or libvalkey
        return bool(reader.has_data())
    buffer = parser._buffer
    return bool(buffer.unread_bytes() if hasattr(buffer, "unread_bytes") else buffer or parser._chunks)


def left_in(link: socket.socket) -> bytes:
    """Return what has come, and leave it there; of very much only a part, which ends somewhere in a message."""
    patience = link.gettimeout()
    link.settimeout(0)
    try:
        return link.recv(LOOK_AHEAD, socket.MSG_PEEK) or ENDED
    except BlockingIOError:
        return b""
    except OSError:
        return ENDED
    finally:
        link.settimeout(patience)


LOOK_AHEAD = 65536
ENDED = b"the stream has ended"


def all_pushes(said: bytes) -> bool:
    """Is this nothing but push messages, each to its end?"""
    at = 0
    try:
        while at < len(said):
            if said[at : at + 1] != PUSH:
                return False
            at = end_of_message(said, at)
    except ValueError:
        return False
    return at == len(said)


def end_of_message(said: bytes, start: int) -> int:
    """Return where the message that starts there ends. Raises `ValueError` if it is cut short or makes no sense."""
    end = said.index(b"\r\n", start)
    kind, size = said[start : start + 1], said[start + 1 : end]
    end += 2
    if kind in (b"$", b"=", b"!"):
        return end if size == b"-1" else end + int(size) + 2
    parts = {b"*": 1, b"~": 1, b">": 1, b"%": 2}.get(kind, 0)
    for _ in range(parts and parts * int(size)):
        end = end_of_message(said, end)
    return end
