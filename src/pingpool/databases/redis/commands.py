"""What passes through a connection to Redis or Valkey: which commands, and which of them change it for its next holder.

The server keeps for each connection a database, a user, a transaction, subscriptions. It cannot be asked for most of
that, so the commands that change it are noted where they pass.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

DATABASE = "another database is selected"
TRANSACTION = "a MULTI is open"
WATCH = "keys are watched"
IDENTITY = "its user, name or mode was changed"
SUBSCRIPTION = "the server sends to it unasked"
MODE = "the server does not answer it as it should"

CHANGES = {
    **dict.fromkeys(("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"), SUBSCRIPTION),
    **dict.fromkeys(("AUTH", "RESET", "READONLY", "READWRITE", "ASKING"), IDENTITY),
    "MULTI": TRANSACTION,
    "WATCH": WATCH,
}
ENDS = {"EXEC": {TRANSACTION, WATCH}, "DISCARD": {TRANSACTION, WATCH}, "UNWATCH": {WATCH}}
BY_ARGUMENT = {"SELECT", "HELLO", "CLIENT", "SCRIPT"}

CLIENT_ASKS = {
    *("ID", "INFO", "LIST", "GETNAME", "GETREDIR", "TRACKINGINFO", "HELP"),
    *("KILL", "PAUSE", "UNPAUSE", "UNBLOCK"),
}
"""What can be said of `CLIENT` that leaves this connection as it is."""

Command = Sequence[Any]
"""A command and its arguments, as given to the driver; the first may be two words."""


def note(changes: set[str], command: Command, home: str) -> str | None:
    """Note what a command that is being sent changes; what it undoes is noted no more.

    Returns the database that it selects, if it selects one; `home` is the connection's own.
    """
    if not may_change(command[0]):
        return None
    name, argument, *_ = [word.upper() for part in command[:2] for word in text(part).split()] + [""]
    changes -= ENDS.get(name, set())
    change = change_by(name, argument, home)
    if change:
        changes.add(change)
    return argument if name == "SELECT" else None


def change_by(name: str, argument: str, home: str) -> str:
    """Return what a command changes; nothing if it is one that changes nothing."""
    if name == "SELECT":
        return DATABASE if argument != home else ""
    if name == "HELLO":
        return IDENTITY if argument else ""
    if name == "CLIENT":
        return "" if argument in CLIENT_ASKS else MODE if argument == "REPLY" else IDENTITY
    if name == "SCRIPT":
        return MODE if argument == "DEBUG" else ""
    return CHANGES.get(name, "")


@lru_cache(1024)
def may_change(first: str | bytes) -> bool:
    """Is this the name of a command that is noted, or how one begins?"""
    return text(first).upper().partition(" ")[0] in CHANGES.keys() | ENDS.keys() | BY_ARGUMENT


def text(word: Any) -> str:
    """Return a word of a command as text, however it was given."""
    return word.decode("latin-1") if isinstance(word, bytes) else str(word)


class Packed(list[bytes]):
    """Commands as the driver has packed them together, and what they are."""

    def __init__(self, pieces: Iterable[bytes], commands: Sequence[Command]) -> None:
        super().__init__(pieces)
        self.commands = commands


def commands_in(packed: Any) -> Sequence[Command]:
    """Return the commands in what is sent. Raises `ValueError` if the last is cut short, or it makes no sense."""
    if isinstance(packed, Packed):
        return packed.commands
    said = packed.encode() if isinstance(packed, str) else b"".join([packed] if isinstance(packed, bytes) else packed)
    found: list[Command] = []
    at = 0
    while at < len(said):
        end = said.index(b"\n", at)
        line, at = said[at:end].rstrip(b"\r"), end + 1
        words: list[bytes] = line.split()  # of a line that is typed
        if line.startswith(b"*"):
            words = []
            for _ in range(int(line[1:])):
                end = said.index(b"\r\n", at)
                start, at = end + 2, end + 4 + int(said[at + 1 : end])
                words.append(said[start : at - 2])
        if words:
            found.append(words)
    if at > len(said):
        raise ValueError("a command is cut short")
    return found
