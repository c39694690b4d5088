"""What happened in a pool, for whoever listens: its log, and an observer. No rule depends on it.

The ledger tells these within its turns, so that they are in order; the desk passes them on after the turn.
`at` is the time of the pool's clock; all durations are seconds.
"""

import math
from types import CodeType
from typing import NamedTuple

from pingpool.core.orders import Dropped, LimitFound
from pingpool.core.slot import IN_USE, Slot

ENDED_FOR_GOOD = frozenset({"cleared", "closed"})
"""Reasons to end a session that no other is to replace."""


class Opened(NamedTuple):
    """The pool was bound, and works; so many sessions were open by then."""

    at: float
    database: str
    sessions: int


class Closed(NamedTuple):
    """The pool was closed."""

    at: float


class Made(NamedTuple):
    """A session was created, in so many seconds; so many are open now, it being one of them.

    `kind` is the type of the session. `is_missed` says whether it would be noticed if its holder dropped it.
    """

    at: float
    took: float
    sessions: int
    kind: type
    is_missed: bool


class NotMade(NamedTuple):
    """No session could be created, or a new one was dead; so many are open."""

    at: float
    error: BaseException | None
    sessions: int


class Recovered(NamedTuple):
    """No session is missing any more, after some could not be made."""

    at: float


class Lent(NamedTuple):
    """A caller got a session, after so many seconds."""

    at: float
    waited: float


class Returned(NamedTuple):
    """A session came back, after so many seconds, and what is known of it."""

    at: float
    used_for: float
    verdict: str


class Replaced(NamedTuple):
    """A session is given up for another one to take its place.

    `age` counts since it was made, `idle_for` since its last proof of life, if it was not in use then; in use it counts
    up to that use, and `used_for` from there on. What is not known is 0.
    """

    at: float
    why: str
    age: float
    idle_for: float
    used_for: float


class Reset(NamedTuple):
    """What a holder had left in a session was undone."""

    at: float


class RolledBack(NamedTuple):
    """A use that began at this place ended well, but not its transaction, which is undone."""

    at: float
    site: CodeType | None
    instruction: int


class TimedOut(NamedTuple):
    """A caller waited so many seconds in vain; `told` is what its error says. `is_exhausted`: all are in use."""

    at: float
    waited: float
    told: str
    is_exhausted: bool


class TurnedAway(NamedTuple):
    """A caller was refused, since too many wait already."""

    at: float


class Overran(NamedTuple):
    """A call to the database was given up: it took longer than it may; `told` says what it was about."""

    at: float
    told: str


Told = (
    Opened
    | Closed
    | Made
    | NotMade
    | Recovered
    | Lent
    | Returned
    | Replaced
    | Reset
    | RolledBack
    | TimedOut
    | TurnedAway
    | Overran
    | Dropped
    | LimitFound
)


def unheard(event: Told) -> None:
    """Nobody listens."""


def replaced(slot: Slot, why: str, now: float) -> Replaced:
    """Say what is known of the session of a slot that is given up now; the slot has not moved yet."""
    since = slot.use.since if slot.state is IN_USE else now
    idle_for = since - slot.proven_at if slot.proven_at > -math.inf else 0.0
    return Replaced(now, why, now - slot.made_at, max(0.0, idle_for), now - since)
