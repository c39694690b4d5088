"""Which sessions have to be asked whether their node is still the right one.

A node that was demoted answers a plain ping. So once an error has come from such a node, each session that was opened
before is asked for its role, once, by its next ping. In ordinary life nobody is asked.
"""

from contextlib import suppress
from typing import Any, Literal, TypeAlias

from pingpool.database import Meaning
from pingpool.databases.common.records import Records

Role: TypeAlias = Literal["primary", "any"]
"""Which node of several that hold the same data a pool wants: the one that takes writes, or any of them."""


class WrongNode(ConnectionError):
    """The session is alive, on a node that takes no writes."""


class Roles:
    """What is known of one database's sessions; `wanted` is the role of the node that they should be on."""

    def __init__(self, wanted: Role) -> None:
        if wanted not in ("primary", "any"):
            raise ValueError(f'role must be "primary" or "any"; got {wanted!r}')
        self.wanted = wanted
        self.moves = 0
        """How often an error came from a wrong node."""
        self._known: Records[int] = Records()

    @property
    def matters(self) -> bool:
        """Is a node that takes no writes a wrong one?"""
        return self.wanted == "primary"

    def moved(self) -> Meaning:
        """Note that an error came from a wrong node, and return its meaning."""
        self.moves += 1
        return Meaning.MISPLACED

    def has_to_be_asked(self, session: Any) -> bool:
        """Did such an error come since the session was opened, or last asked?"""
        return self.moves > 0 and self._known.of(session) != self.moves

    def settle(self, session: Any, moves: int) -> None:
        """Note that the session was on the right node when so many errors had come."""
        if moves:
            with suppress(TypeError):  # what takes no weak references is asked by each ping
                self._known.note(session, moves)


def refuse_wrong_node(takes_writes: bool) -> None:
    """Raise `WrongNode` unless the node that answered a session takes writes."""
    if not takes_writes:
        raise WrongNode("the session is on a node that takes no writes: the primary has moved")
