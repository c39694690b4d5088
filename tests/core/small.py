"""A ledger in miniature: time in a few steps, short patience, and a copy of the whole for next to nothing."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pingpool.core.backoff import Backoff
from pingpool.core.ledger import Ledger
from pingpool.core.limit import IdleLimit
from pingpool.core.orders import Job, Round, Waiter
from pingpool.core.slot import AgingSlot, Slot

from .model import CheckedSlot, Session

UNIT = 0.25
"""One step of time, in seconds: the shortest pause of the back-off."""

INTERVAL = 2
"""The ping interval, in steps."""

PATIENT = 2
"""The longest pause while nobody waits, in steps; the real one would only add states that differ in patience."""

OF_A_BACKOFF = Backoff.__slots__
OF_A_JOB = Job.__slots__
OF_A_WAITER = Waiter.__slots__
OF_A_SLOT = tuple({*Slot.__slots__, *AgingSlot.__slots__, *CheckedSlot.__slots__} - {"state"})


@dataclass(frozen=True)
class Config:
    """How large a world is, and what may happen in it beyond the ordinary."""

    size: int
    callers: int
    rounds: int = 0
    lifetime: float = float("inf")
    max_waiters: float = float("inf")
    late: bool = True
    resets: bool = True
    doubts: bool = True
    refusals: bool = True
    adoptions: bool = False


def dropped() -> None:
    """Stand in for the weak reference of a session that was collected."""


class Held:
    """A weak reference to a session that is still held by somebody."""

    __slots__ = ("_session",)

    def __init__(self, session: object) -> None:
        """Remember the session; clones share it."""
        self._session = session

    def __call__(self) -> object:
        """Return the session."""
        return self._session


class Uncounted(dict[str, int]):
    """Figures for the statistics, which are no part of a state."""

    def __missing__(self, name: str) -> int:
        """Start at nothing."""
        return 0

    def __setitem__(self, name: str, count: int) -> None:
        """Forget it."""


class Forgetful(IdleLimit):
    """An idle limit that nobody learns, so that it is no part of a state."""

    def lived(self, age: float) -> None:
        """Forget it."""

    def died(self, age: float, proven_at: float, settled_at: float) -> None:
        """Forget it."""

    def fell(self, age: float) -> None:
        """Forget it."""


class SmallLedger(Ledger[Session]):
    """A ledger whose tethers can be shared by clones."""

    def _tether(self, session: Session) -> Callable[[], object]:
        return Held(session)


class ShortBackoff(Backoff):
    """A back-off whose pauses soon stop growing."""

    __slots__ = ()

    def failed(self, now: float) -> None:
        """Note a failure."""
        super().failed(now)
        self.pause = min(self.pause, PATIENT * UNIT)


def no_jitter() -> float:
    """Return no chance at all."""
    return 0.0


def small_ledger(config: Config) -> SmallLedger:
    """Return the ledger of an empty, unbound pool."""
    ledger = SmallLedger(
        config.size,
        interval=INTERVAL * UNIT,
        jitter=no_jitter,
        lifetime=config.lifetime * UNIT,
        max_waiters=config.max_waiters,
        slots=CheckedSlot,
    )
    ledger.limit = Forgetful()
    ledger.creation, ledger.doubt = ShortBackoff(no_jitter), ShortBackoff(no_jitter)
    ledger.tally = ledger.replaced = Uncounted()  # type: ignore[assignment]  # a Counter that counts nothing
    return ledger


def clone_waiter(waiter: Waiter) -> Waiter:
    """Return an independent copy."""
    twin = Waiter.__new__(Waiter)
    for name in OF_A_WAITER:
        setattr(twin, name, getattr(waiter, name))
    return twin


def clone_backoff(backoff: Backoff) -> Backoff:
    """Return an independent copy."""
    twin = ShortBackoff.__new__(ShortBackoff)
    for name in OF_A_BACKOFF:
        setattr(twin, name, getattr(backoff, name))
    return twin


def clone_round(round: Round, twin_slot: Callable[[Any], Any], twin_job: Callable[[Any], Any]) -> Round:
    """Return an independent copy that waits for the copies."""
    twin = Round()
    twin.jobs = {twin_job(job) for job in round.jobs}
    twin.vacated = {twin_slot(slot) for slot in round.vacated}
    twin.proved = round.proved
    return twin


def copied_lists(ledger: SmallLedger) -> dict[str, list[Any]]:
    """Return copies of the lists of orders that a ledger keeps for itself."""
    return {name: value.copy() for name, value in vars(ledger).items() if name[0] == "_" and isinstance(value, list)}


def clone_ledger(old: SmallLedger, twins: dict[Any, Any]) -> SmallLedger:
    """Return an independent copy; `twins` maps every slot, job, waiter and round to its copy, and is filled here."""
    new = SmallLedger.__new__(SmallLedger)
    new.__dict__.update(old.__dict__)

    def twin_slot(slot: Any) -> Any:
        twin = twins.get(slot)
        if twin is None:
            twins[slot] = twin = CheckedSlot.__new__(CheckedSlot)
            for name in OF_A_SLOT:
                setattr(twin, name, getattr(slot, name))
        return twin

    def twin_job(job: Any) -> Any:
        twin = twins.get(job)
        if twin is None:
            twins[job] = twin = Job.__new__(Job)
            for name in OF_A_JOB:
                setattr(twin, name, getattr(job, name))
            twin.slot = None if job.slot is None else twin_slot(job.slot)
        return twin

    new.vacant = deque([twin_slot(slot) for slot in old.vacant])
    new.idle = deque([twin_slot(slot) for slot in old.idle])
    new.lent = {key: twin_slot(slot) for key, slot in old.lent.items()}
    new.jobs = {twin_job(job) for job in old.jobs}
    new.waiters = OrderedDict()
    for waiter in old.waiters:
        new.waiters[twins.setdefault(waiter, clone_waiter(waiter))] = None
    new.rounds = []
    for round in old.rounds:
        twins[round] = clone_round(round, twin_slot, twin_job)
        new.rounds.append(twins[round])
    new.under_way = type(old.under_way).__new__(type(old.under_way))
    dict.update(new.under_way, old.under_way)
    new.letterbox = deque(old.letterbox)
    new._post = new.letterbox.append
    new.creation = clone_backoff(old.creation)
    new.doubt = clone_backoff(old.doubt)
    new.__dict__.update(copied_lists(old))
    return new
