"""Where a session is: its descriptor here, and its number at the server. And how a statement of it is ended there.

A server that has a statement to do does not notice that its client has gone: the statement runs on, with its locks.
So another connection, opened in the same way, kills the session. It may reach another server by the same name, where
the number is somebody else's: the server's list has to show the session's own port, too.
"""

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pingpool.databases.common.records import Records
from pingpool.databases.common.rows import values_of
from pingpool.databases.common.sockets import Seat
from pingpool.databases.mysql.drivers import number_of

SHOW_SESSIONS = "SHOW PROCESSLIST"
"""Who may see no more sees his own sessions, which is enough."""


class Place(NamedTuple):
    """Where a session is, noted when it is new: later the driver may not tell."""

    number: int | None
    """At the server."""
    port: int | None
    """This side's; None within one machine."""
    seat: Seat | None

    @classmethod
    def of(cls, number: int | None, fd: int | None) -> "Place":
        """Note where a session is."""
        if fd is None or fd < 0:
            return cls(None, None, None)
        with socket.socket(fileno=os.dup(fd)) as twin:
            name = twin.getsockname()
        return cls(number, name[1] if isinstance(name, tuple) else None, Seat.of(fd))

    def is_among(self, sessions: Sequence[Any]) -> bool:
        """Does the server's list show this very session?"""
        for row in sessions:
            number, _, host, *_ = values_of(row)
            if int(number) == self.number:
                return self.port is None or text(host).endswith(f":{self.port}")
        return False

    def end_it(self) -> str:
        """Return the statement that ends the session at the server, and what it has under way."""
        return f"KILL {self.number}"

    def hang_up(self) -> None:
        """End the stream at once, which frees who waits for it."""
        if self.seat is not None:
            self.seat.hang_up()


class Places:
    """Where the sessions of a database are."""

    def __init__(self, descriptor_of: Callable[[Any], int | None]) -> None:
        """`descriptor_of` tells the descriptor of a session, as long as it is open."""
        self._descriptor_of = descriptor_of
        self._noted: Records[Place] = Records()

    def note(self, session: Any) -> None:
        """Note where a new session is."""
        with suppress(TypeError):  # what takes no weak references is found as long as its driver tells where it is
            self._noted.note(session, self._seen(session))

    def of(self, session: Any) -> Place:
        """Return where a session is, or was when that could be seen."""
        return self._noted.of(session) or self._seen(session)

    def _seen(self, session: Any) -> Place:
        return Place.of(number_of(session), self._descriptor_of(session))


def text(value: Any) -> str:
    """Read what some drivers give as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)
