"""Redis and Valkey: how many answers are still to come on a connection, and what has come unasked.

An answer that nobody has read would be taken for the answer to the next command, which may be the next holder's. That
it has not come yet does not make it better: so a connection counts what it sends and what it reads.
"""

import functools
import math
import socket
from typing import Any

from pingpool.databases.redis.commands import Command, Packed, commands_in, note

LOOK_AHEAD = 65536
"""How many bytes are looked at that have come and were not read."""

ENDED = b"the stream has ended"
"""Stands for what has come where nothing will come any more."""

PUSH = b">"
"""How a message begins that the protocol (version 3) allows at any time."""


@functools.cache
def counting(kind: Any, count: type, complaint: type[Exception]) -> Any:
    """Return this kind of connection as one that counts the answers that are still to come."""
    return type(kind.__name__, (count, kind), {"__module__": kind.__module__, "complaint": complaint})


class Count:
    """What a connection knows besides: how many answers it owes, and what the commands that passed have changed."""

    db: object
    complaint: type[Exception]
    """The driver's error for an answer that is a complaint."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.owed: float = 0
        """How many answers are still to come; infinite once that is not known any more."""
        self.changes: set[str] = set()
        super().__init__(*arguments, **options)
        self.selected = self.home = str(self.db)
        """The database that was selected last, and the one that each holder gets; `db` may be set by anybody."""

    def pack_commands(self, commands: Any) -> Packed:
        """Pack commands together, and keep in mind what they are."""
        known = list(commands)
        base: Any = super()
        return Packed(base.pack_commands(known), known)

    def sends(self, *commands: Command) -> None:
        """Count what is about to be sent."""
        self.owed += len(commands)
        for command in commands:
            self.selected = note(self.changes, command, self.home) or self.selected

    def sends_packed(self, packed: Any) -> Any:
        """Count it, and return it."""
        pieces: Any = packed
        if not isinstance(packed, list | str | bytes):
            pieces = list(packed)
        try:
            self.sends(*commands_in(pieces))
        except ValueError:
            self.owed = math.inf
        return pieces

    def has_read(self, answer: object, arguments: Any, options: Any) -> None:
        """Count what was read. A message that nobody asked for, or that did not come in time, is no answer."""
        may_be_none = answer is None and (len(arguments) > 1 or "timeout" in options)
        if not options.get("push_request") and not may_be_none:
            self.owed = self.owed - 1 if self.owed else math.inf


class ThreadCount(Count):
    """A connection for threads."""

    def send_command(self, *command: Any, **options: Any) -> None:
        """Send a command."""
        base: Any = super()
        packed = base.pack_command(*command)
        self.sends(command)
        base.send_packed_command(packed, check_health=options.get("check_health", True))

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send what is packed already."""
        base: Any = super()
        base.send_packed_command(self.sends_packed(command), check_health=check_health)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read an answer, be it a complaint."""
        base: Any = super()
        try:
            answer = base.read_response(*arguments, **options)
        except self.complaint as error:
            self.has_read(error, arguments, options)
            raise
        self.has_read(answer, arguments, options)
        return answer


class AsyncCount(Count):
    """A connection for asyncio."""

    async def send_command(self, *command: Any, **options: Any) -> None:
        """Send a command."""
        base: Any = super()
        packed = base.pack_command(*command)
        self.sends(command)
        await base.send_packed_command(packed, check_health=options.get("check_health", True))

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send what is packed already."""
        base: Any = super()
        await base.send_packed_command(self.sends_packed(command), check_health=check_health)

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read an answer, be it a complaint."""
        base: Any = super()
        try:
            answer = await base.read_response(*arguments, **options)
        except self.complaint as error:
            self.has_read(error, arguments, options)
            raise
        self.has_read(answer, arguments, options)
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
