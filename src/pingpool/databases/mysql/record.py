"""What is on record of a session: the one rule of both worlds, that everything sent is proven to have been answered.

A command takes its turn, from before it is sent until its answer was read to the end. An error that the server says
ends an answer, too. Whatever else breaks a turn off (a converter that raises, the time limit of a signal, a cancel)
hangs up, and leaves the turn on record. "Nothing has come yet" would not prove that nothing is owed: the next holder
would take the late answer for his own.

The record also keeps the status that the server sends with each answer, which the drivers drop when it comes with
rows: so it is known without a round trip whether a transaction is open.
"""

import re
from types import TracebackType
from typing import Any, NamedTuple

from pingpool.databases.mysql.codes import AUTOCOMMIT, said_by_server

RESET_CONNECTION = 0x1F
"""The protocol's command that clears a session without a new login. The drivers have no name for it."""

OK, EOF, LONGEST_EOF = 0x00, 0xFE, 8
"""How packets begin that end an answer, and how long the second kind is at most; rows may begin so, too."""

WIDER = {0xFC: 3, 0xFD: 4, 0xFE: 9}
"""How many bytes a number takes that begins with one of these; all others take one."""

UNLOCK = "UNLOCK TABLES"
RELEASE_LOCKS = "DO RELEASE_ALL_LOCKS()"
"""Lets go of what `GET_LOCK` has taken."""

LOCKING = re.compile(rb"\s*(?:/\*.*?\*/\s*)*(?:LOCK|FLUSH)\b", re.IGNORECASE | re.DOTALL)
"""A statement whose locks outlive a rollback: `LOCK TABLES`, `FLUSH TABLES WITH READ LOCK`."""


class Beginning(NamedTuple):
    """What a session was opened with, as far as the server has to be told to go back to it."""

    autocommit: bool
    charset: str
    collation: str | None
    database: str | bytes | None
    sql_mode: str | None
    init_command: str | None


class OnRecord:
    """A driver's connection with a record, in either world."""

    turn: "Turn | None" = None
    """The command that is under way, or that broke off."""
    last_answer: bytes | None = None
    """The last packet of the last answer; None if that was an error."""
    may_lock: bool = False
    """Was a statement sent that takes locks which outlive a rollback?"""
    beginning: Beginning
    """Noted as soon as it is connected."""

    was_left: bool | None = None
    """Had the server hung up when this side did? Then nothing of the session runs there."""

    def hang_up(self) -> None:
        """End the stream at once."""
        raise NotImplementedError

    @property
    def status(self) -> int | None:
        """The server's flags, as its last answer told them; None if it told none."""
        packet = self.last_answer
        if not packet:
            return None
        if packet[0] == EOF and len(packet) <= LONGEST_EOF:
            return packet[3] | packet[4] << 8
        return status_in_ok(packet) if packet[0] == OK else None

    def is_set_otherwise(self, status: int) -> bool:
        """Is autocommit not what it was when the session was opened?"""
        return bool(status & AUTOCOMMIT) is not self.beginning.autocommit

    def note_beginning(self) -> None:
        """Note what the session is now: so it begins, for each holder."""
        raise NotImplementedError

    def note(self, statement: bytes) -> None:
        """Note a statement that is about to be sent."""
        if LOCKING.match(statement):
            self.may_lock = True


def status_in_ok(packet: bytes) -> int:
    """Return the flags in a packet that says OK: they come after two numbers, of rows and of the last id."""
    at = 1 + WIDER.get(packet[1], 1)
    at += WIDER.get(packet[at], 1)
    return packet[at] | packet[at + 1] << 8


class Turn:
    """One command and its answer. Those that it consists of take no turn of their own."""

    __slots__ = ("_busy", "_session", "speaker")

    def __init__(self, session: OnRecord, speaker: object, busy: type[Exception]) -> None:
        """`speaker` is the thread or task that speaks, None once it broke off; `busy` is raised out of turn."""
        self._session = session
        self.speaker = speaker
        self._busy = busy

    def __enter__(self) -> None:
        turn: Turn = vars(self._session).setdefault("turn", self)  # looked up and taken in one step
        if turn is self:
            self._session.last_answer = None
        elif turn.speaker not in (None, self.speaker):
            raise self._busy("another command is under way on this session: it takes one at a time")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        session: Any = self._session
        if session.turn is not self:
            return
        if error is None or said_by_server(error):
            del session.turn
        else:
            self.speaker = None
            session.hang_up()
