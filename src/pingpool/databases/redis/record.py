"""What a connection to Redis or Valkey has sent: how many answers it is still owed, and what the commands changed.

An answer that nobody has read would be taken for the answer to the next command, which may be the next holder's. That
it has not come yet does not make it better. So each command is noted where it passes through the driver's connection,
and each answer counts for one command. What a command changes is noted when it is sent: it may be in force, whatever
becomes of its answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from pingpool.errors import BeyondReset

Commands: TypeAlias = list[tuple[str | int, ...]]
"""Commands, each as its words."""

END = b"\r\n"

CHANGES: Final = {
    *(b"AUTH", b"RESET", b"READONLY", b"READWRITE", b"ASKING", b"MONITOR", b"SYNC", b"PSYNC", b"REPLCONF"),
    *(b"CLIENT SETNAME", b"CLIENT NO-EVICT", b"CLIENT NO-TOUCH", b"CLIENT TRACKING", b"CLIENT REPLY"),
    *(b"CLIENT CACHING", b"CLIENT CAPA", b"SCRIPT DEBUG"),
}
"""Commands after which a connection is another one for its next holder; and HELLO, with an argument."""

SUBSCRIBES: Final = {b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"}

NOTABLE: Final = {*(b"SELECT", b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH", b"HELLO"), *SUBSCRIBES} | {
    each.partition(b" ")[0] for each in CHANGES
}
"""First words of the commands that matter here."""


class Record:
    """The record of one connection. `owed` is how many commands have no answer yet."""

    __slots__ = ("_changes", "_database", "_queues", "_subscribes", "_watches", "database", "owed")

    def __init__(self, database: int) -> None:
        """`database` is the number of the one that the connection is to be in."""
        self.database = database
        self.begin()

    def begin(self) -> None:
        """Begin anew: the connection is as it is meant to be."""
        self.owed = 0
        self._database = b"%d" % self.database
        self._queues = self._watches = self._subscribes = self._changes = False

    @property
    def is_clean(self) -> bool:
        """Is the connection as it is meant to be, with every command answered?"""
        return not (self.owed or self._undoes or self._subscribes or self._changes)

    @property
    def _undoes(self) -> Commands:
        """The commands that put back what was changed, as far as it can be."""
        transaction: Commands = [("DISCARD",)] if self._queues else [("UNWATCH",)] if self._watches else []
        is_elsewhere = self._database != b"%d" % self.database
        return [*transaction, ("SELECT", self.database)] if is_elsewhere else transaction

    def undoing(self) -> Commands:
        """Return the commands that put back what was changed.

        Raises:
            BeyondReset: an answer is owed, or what was changed cannot be put back.
        """
        if self._subscribes:
            raise BeyondReset("left open", "the last holder left a subscription open")
        if self._changes:
            raise BeyondReset("changed", "the last holder changed what the connection is for the server")
        if self.owed:
            raise BeyondReset("left busy", "the last holder left an answer unread")
        return self._undoes

    def commands(self, words: Sequence[Any]) -> None:
        """Note one command that is about to be sent, as its words; the first may be several, as drivers have it."""
        self.owed += 1
        first = written(words[0]).upper()
        if first.partition(b" ")[0] in NOTABLE:
            name, *more = [*first.split(), *map(written, words[1:2])]
            self._note(name, more[0] if more else b"")

    def sends(self, packed: Iterable[Any]) -> None:
        """Note commands that are about to be sent, packed as the driver packs them."""
        for first, second in commands_in(b"".join(packed)):
            self.commands((first, second) if second else (first,))

    def answered(self) -> None:
        """Note that the answer to one command was read."""
        self.owed -= 1

    def _note(self, name: bytes, argument: bytes) -> None:
        if name == b"SELECT":
            self._database = argument
        elif name == b"MULTI":
            self._queues = True
        elif name == b"WATCH":
            self._watches = True
        elif name in (b"EXEC", b"DISCARD"):
            self._queues = self._watches = False
        elif name == b"UNWATCH":
            self._watches = self._watches and self._queues
        elif name in SUBSCRIBES:
            self._subscribes = True
        elif name == b"HELLO":
            self._changes = self._changes or bool(argument)
        elif name in CHANGES or name + b" " + argument.upper() in CHANGES:
            self._changes = True


def written(word: Any) -> bytes:
    """Return a word as it is sent."""
    return word if isinstance(word, bytes) else str(word).encode()


def commands_in(said: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the first two words of each command; what is no command of the protocol is one command a line."""
    at = 0
    while at < len(said):
        end = said.find(END, at)
        end = len(said) if end < 0 else end
        if said[at : at + 1] != b"*":
            first, _, rest = said[at:end].strip().partition(b" ")
            at = end + 2
            if first:
                yield first, rest.partition(b" ")[0]
            continue
        words = [b"", b""]
        count, at = int(said[at + 1 : end]), end + 2
        for place in range(count):
            end = said.index(END, at)
            start, at = end + 2, end + 4 + int(said[at + 1 : end])
            if place < 2:
                words[place] = said[start : at - 2]
        yield words[0], words[1]
