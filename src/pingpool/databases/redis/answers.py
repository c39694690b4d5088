"""Redis and Valkey: what is still to come on a connection, and what has come unasked."""

import functools
import socket
from typing import Any

from pingpool.databases.redis.record import Record

PUSH = b">"
"""How a message begins that the protocol (version 3) allows at any time."""


@functools.cache
def recorded(kind: Any, memory: type, complaint: type[Exception]) -> Any:
    """Return this kind of connection as one that keeps a record of what it sends and reads."""
    return type(kind.__name__, (memory, kind), {"__module__": kind.__module__, "complaint": complaint})


class Recorded:
    """What a connection has besides: the record of what it has sent, and of the answers that were read to their end."""

    complaint: type[Exception]
    """The driver's error for an answer that is a complaint."""
    is_noted = False
    """Whether what is about to be sent stands in the record."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.record = Record(int(options["db"]))

    def send_command(self, *words: Any, **options: Any) -> None:
        """Send one command."""
        self.record.commands(words)
        self.is_noted = True
        base: Any = super()
        base.send_command(*words, **options)

    def send_packed_command(self, command: Any, *arguments: Any, **options: Any) -> None:
        """Send what is packed already: one command, or many."""
        if not self.is_noted:
            command = listed(command)
            self.record.sends(command)
        self.is_noted = False
        base: Any = super()
        base.send_packed_command(command, *arguments, **options)

    def read_response(self, *arguments: Any, push_request: bool = False, **options: Any) -> Any:
        """Read an answer, be it a complaint. What is read as a push message answers nothing."""
        base: Any = super()
        try:
            answer = base.read_response(*arguments, **asked_for(push_request), **options)
        except self.complaint:
            self.record.answered()
            raise
        if not push_request and not (answer is None and "timeout" in options):  # which may mean that none has come
            self.record.answered()
        return answer


class AsyncRecorded:
    """The same for asyncio."""

    complaint: type[Exception]
    is_noted = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.record = Record(int(options["db"]))

    async def send_command(self, *words: Any, **options: Any) -> None:
        """Send one command."""
        self.record.commands(words)
        self.is_noted = True
        base: Any = super()
        await base.send_command(*words, **options)

    async def send_packed_command(self, command: Any, *arguments: Any, **options: Any) -> None:
        """Send what is packed already: one command, or many."""
        if not self.is_noted:
            command = listed(command)
            self.record.sends(command)
        self.is_noted = False
        base: Any = super()
        await base.send_packed_command(command, *arguments, **options)

    async def read_response(self, *arguments: Any, push_request: bool = False, **options: Any) -> Any:
        """Read an answer, be it a complaint. What is read as a push message answers nothing."""
        base: Any = super()
        try:
            answer = await base.read_response(*arguments, **asked_for(push_request), **options)
        except self.complaint:
            self.record.answered()
            raise
        if not push_request and not (answer is None and "timeout" in options):  # which may mean that none has come
            self.record.answered()
        return answer


def listed(command: Any) -> list[Any]:
    """Return what is to be sent as the pieces that it is made of."""
    if isinstance(command, str):
        command = command.encode()
    return [command] if isinstance(command, bytes) else list(command)


def asked_for(push_request: bool) -> dict[str, bool]:
    """Return the option that asks for push messages; old versions of the drivers do not know it."""
    return {"push_request": True} if push_request else {}


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
