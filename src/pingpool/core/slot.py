"""Slots, their states, and every transition between them.

A pool of `size` has exactly `size` slots for life. A slot outlives its sessions and is in one state at a time; lost
capacity cannot be expressed. `TRANSITIONS` is the whole truth about what may follow what: the tests run on slots that
enforce it and the page about slots is made of it, while production pays nothing for it.
"""

import math
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from pingpool.core.uses import Use

S = TypeVar("S")
"""A session, whatever that is."""


class State(Enum):
    """Where a slot stands."""

    VACANT = "vacant"
    CREATING = "being created"
    IDLE = "idle"
    IN_USE = "in use"
    CHECKING = "being checked"
    RESETTING = "being reset"
    CLOSING = "being closed"

    __hash__ = object.__hash__  # enum's own, on Python 3.11, is ten times as slow


VACANT: Final = State.VACANT
CREATING: Final = State.CREATING
IDLE: Final = State.IDLE
IN_USE: Final = State.IN_USE
CHECKING: Final = State.CHECKING
RESETTING: Final = State.RESETTING
CLOSING: Final = State.CLOSING

WORKING: Final = frozenset({CREATING, CHECKING, RESETTING, CLOSING})
"""The states in which a worker has a job for the slot."""


class Transition(NamedTuple):
    """One thing that may happen to a slot."""

    before: State
    event: str
    after: State


TRANSITIONS: Final = tuple(
    Transition(before, event, after)
    for before, moves in {
        VACANT: {"create": CREATING, "adopted": IDLE, "adopted, handed over": IN_USE},
        CREATING: {
            "created, or failed and the old one stays": IDLE,
            "created, handed over": IN_USE,
            "failed, overran": VACANT,
            "created, not trusted": CHECKING,
            "created, not wanted": CLOSING,
        },
        IDLE: {"check out": IN_USE, "due": CHECKING, "retire": CLOSING, "renewed": CREATING, "hung up": VACANT},
        IN_USE: {
            "check in": IDLE,
            "hand over": IN_USE,
            "something left open": RESETTING,
            "ended in an error": CHECKING,
            "tainted, discarded, too old": CLOSING,
            "lost, dropped, detached": VACANT,
            "renewed": CREATING,
        },
        CHECKING: {
            "alive, or in doubt": IDLE,
            "alive, handed over": IN_USE,
            "seen alive in vain": CHECKING,
            "gone, overran": VACANT,
            "not wanted, too long in doubt": CLOSING,
            "alive, renewed": CREATING,
        },
        RESETTING: {
            "reset": IDLE,
            "reset, handed over": IN_USE,
            "gone, overran": VACANT,
            "failed": CLOSING,
            "reset, renewed": CREATING,
        },
        CLOSING: {"closed, overran": VACANT},
    }.items()
    for event, after in moves.items()
)


class Past(float):
    """The `made_at` of a session that was proven since and is in doubt now.

    A float of a kind of its own, so that a slot needs no further field.
    """

    __slots__ = ()


class Slot:
    """One place for a session. Only the ledger moves it.

    `session` is held while the slot is idle, and not while it is lent, so that a session its holder dropped is
    collected; `ref` is the weak reference that tells. In its place the slot holds then who has it: its `use`. (So an
    idle session costs no room for that.) `proven_at` is the time of the last proof of life, `made_at` that of the
    session's beginning.
    """

    __slots__ = ("made_at", "proven_at", "ref", "session", "state")

    retires_at: float = math.inf
    renews_at: float = math.inf

    def __init__(self) -> None:
        self.state = VACANT
        self.session: Any = None
        self.ref: Any = None
        self.proven_at = -math.inf
        self.made_at: float = Past(-math.inf)

    @property
    def use(self) -> Use:
        """Who holds the session, while it is lent."""
        return Use._make(self.session)

    @property
    def created_at(self) -> float | None:
        """Since when the session has been there, or None if it was proven since and is in doubt now."""
        return None if isinstance(self.made_at, Past) else self.made_at

    @created_at.setter
    def created_at(self, when: float | None) -> None:
        self.made_at = Past(self.made_at) if when is None else when

    @property
    def is_new(self) -> bool:
        """Was the session never proven since it was created?"""
        return not isinstance(self.made_at, Past) and self.proven_at <= self.made_at

    def retire_at(self, when: float, ahead: float) -> None:
        """Do nothing: a session without a lifetime never retires."""


class AgingSlot(Slot):
    """A slot whose sessions have a lifetime; the others need no room for a date."""

    __slots__ = ("renews_at", "retires_at")

    def __init__(self) -> None:
        super().__init__()
        self.retires_at = self.renews_at = math.inf

    def retire_at(self, when: float, ahead: float) -> None:
        """Let the session be lent until `when` and no longer; a keeper renews it so many seconds ahead."""
        self.retires_at = when
        self.renews_at = when - ahead
