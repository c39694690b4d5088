"""What the ledger is told, and what it answers: verdicts and outcomes come in, orders come out.

The ledger decides in a turn; whoever asked carries the orders out after that. A world (threads, asyncio) gives `Waiter`
and `Round` the means to be woken; the core never blocks and never wakes anybody itself.
"""

import math
from collections.abc import Collection
from enum import Enum
from types import CodeType
from typing import Any, NamedTuple

from pingpool.core.slot import Slot, State
from pingpool.core.uses import Use, line_of
from pingpool.errors import PoolFull


class Job:
    """One call to the database on behalf of a slot; it ends in exactly one report to the ledger.

    - `kind` is the state the slot is in meanwhile. A closing without a slot ends a session that has none any more.
    - `urgent`: a check that somebody waits for; the database may ask in its quickest way.
    - `idle_for`: for how many seconds the session of a check had been idle; 0 if that is not known, or just over.
    - `after_error`: the use before it ended in an error. So if the session turns out to be dead it died in use, and if
      it is not, the locks that it may hold are let go.
    - `left_by`: whose transaction a reset rolls back; None if there is none.
    - `trusted_after`: the newest suspicion when the job began. If another came up since, the job has proved nothing.
    - `hangs`: it was given up after it had been started, and has not come back yet.
    - `outdated`: a creation that had begun when the pool was to be renewed; its session is old when it comes.
    - `unwanted`: the pool was cleared since; what the job brings is ended.
    """

    __slots__ = (
        "after_error",
        "hangs",
        "idle_for",
        "kind",
        "left_by",
        "outdated",
        "session",
        "slot",
        "started",
        "trusted_after",
        "unwanted",
        "urgent",
    )

    def __init__(self, kind: State, slot: Slot | None, session: Any) -> None:
        self.kind = kind
        self.slot = slot
        self.session = session
        self.started = False
        self.hangs = False
        self.trusted_after = -math.inf
        self.outdated = False
        self.unwanted = False
        self.urgent = False
        self.idle_for = 0.0
        self.after_error = False
        self.left_by: Use | None = None


class Verdict(Enum):
    """What is known of a session that comes back."""

    WELL = "well"
    """Its use ended well, which proves that it is alive."""
    LOST = "lost"
    """It died in use: the idle come under suspicion."""
    GONE = "gone"
    """A look showed that it was dead before anybody used it: nobody else is suspected."""
    TAINTED = "tainted"
    """Nobody can vouch for it: it is ended before its slot is used again."""
    UNPROVEN = "unproven"
    """Its use ended in an error, so proved nothing: it is checked before it is lent again."""
    DISCARDED = "discarded"
    """Its holder wants it ended; that says nothing of the others."""
    LEFT_OPEN = "left open"
    """Something was left open in it: it is reset before it is lent again."""
    UNCOMMITTED = "uncommitted"
    """The same, and what was left open is a transaction, whose work is undone."""
    MAY_HOLD_LOCKS = "may hold locks"
    """Its use ended in an error that says nothing against it: its locks are let go before it is lent again."""


class End(Enum):
    """How a job ended."""

    CREATED = "created"
    FAILED = "failed"
    """No session could be created."""
    REFUSED = "refused"
    """No session could be created, and that will not heal by itself."""
    UNREACHABLE = "unreachable"
    """There was no server to create a session; whoever waits may soon ask again."""
    ALIVE = "alive"
    SEEN_ALIVE = "seen alive"
    """A quick check saw the session alive, which need not prolong its life: enough for a waiter."""
    GONE = "gone"
    IN_DOUBT = "in doubt"
    """A check, or a reset, failed without saying that the session is dead."""
    KEPT = "kept"
    """A check failed, and that says nothing of the session, however often it comes."""
    UNFIT = "unfit"
    """What its last holder left in the session cannot be undone, for the `reason` that comes with it."""
    CLOSED = "closed"
    """The session was ended, well or not."""
    LEFT = "left"
    """The session could not be ended, and lives on at the server: that is tried again later."""
    OVERRAN = "overran"
    """The job took too long; it may still go on, and what it still brings is ended."""


class Outcome(NamedTuple):
    """How a job ended, with the session that it created or the error that it failed with.

    A session that comes with a failure is of no use, and is ended. A new one took so many seconds, and may have an end
    of its own, in so many more.
    """

    end: End
    session: Any = None
    error: BaseException | None = None
    reason: str = ""
    expires_in: float = math.inf
    took: float = 0.0


class Waiter:
    """A caller in line. Exactly one of three things ends its wait: a session, an error, or its own leaving.

    `site`, `instruction`, `holder` and `block` tell who waits and where, as a `Use` does; `since` when it came into the
    line, `until` when it will leave it. `blocks` are the uses that cannot end before this wait does: the caller stands
    in the middle of their blocks.
    """

    __slots__ = ("block", "blocks", "error", "holder", "instruction", "session", "since", "site", "until")

    def __init__(self, site: CodeType | None, instruction: int, holder: int = 0, block: int = 0) -> None:
        self.session: Any = None
        self.error: BaseException | None = None
        self.site = site
        self.instruction = instruction
        self.holder = holder
        self.block = block
        self.since = -math.inf
        self.until = math.inf
        self.blocks: Collection[Use] = ()

    @property
    def is_over(self) -> bool:
        """Has it been decided how this wait ends?"""
        return self.session is not None or self.error is not None

    def use_from(self, now: float) -> Use:
        """Return the use that begins when this wait ends well."""
        return Use(self.site, self.instruction, now, self.holder, self.block)

    def wake(self) -> None:
        """Let the caller look at its answer."""


class Round:
    """Jobs whose end somebody waits for: a fill, a round of pings, a clearing.

    - `vacated` are slots that fell vacant by its jobs: the first attempt to fill one belongs to the round too.
    - `fills`: it is for sessions to be opened, and has no point once the pool is closed.
    - `enough`: when so many sessions are open the round is over, whatever is still under way.
    - `lasts`: only that ends it, however its jobs end.
    - `renews`: it lasts while any session is to be renewed.
    - `failure`: what kept it from its end.
    """

    __slots__ = ("enough", "failure", "fills", "is_over", "jobs", "lasts", "proved", "renews", "vacated")

    def __init__(self) -> None:
        self.fills = False
        self.enough = math.inf
        self.lasts = False
        self.renews = False
        self.jobs: set[Job] = set()
        self.vacated: set[Slot] = set()
        self.proved = 0
        self.failure: BaseException | None = None
        self.is_over = False

    def wake(self) -> None:
        """Let whoever waits for the round go on."""


def place_of(site: CodeType | None, instruction: int) -> str:
    """Say where in somebody's code this instruction is."""
    if site is None:
        return "somewhere"
    return f"in {site.co_qualname} ({site.co_filename}:{line_of(site, instruction)})"


class Dropped(NamedTuple):
    """A session was garbage-collected in the hands of its holder: warn about the place of its checkout."""

    site: CodeType | None
    instruction: int

    @property
    def place(self) -> str:
        """Where in the caller's code that is."""
        return place_of(self.site, self.instruction)


class LimitFound(NamedTuple):
    """Sessions that are idle for so many seconds are dropped on this path: tell the user, beside the ping interval."""

    idle_limit: float
    interval: float


class Refused(NamedTuple):
    """What was put cannot be taken back: raise the error."""

    error: PoolFull


Order = Job | Waiter | Round | Dropped | LimitFound | Refused
