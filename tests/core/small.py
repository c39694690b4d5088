"""A ledger in miniature: time in a few steps, short patience, and a copy of the whole for next to nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pingpool.core.backoff import Backoff
from pingpool.core.jobs import Jobs
from pingpool.core.ledger import Ledger
from pingpool.core.lent import LentSlots
from pingpool.core.orders import Job, Round, Waiter
from pingpool.core.slot import AgingSlot, Slot

from .model import CheckedSlot, Session

UNIT = 0.25
"""One step of time, in seconds: the shortest pause of the back-off."""

INTERVAL = 2
"""The ping interval, in steps."""

PATIENT = 2
"""The longest pause while nobody waits, in steps; the real one would only add states that differ in patience."""

BRIEF = 2
"""The length of an absence, in steps, that is no restart any more."""


CALM = 2
"""The time without a failure, in steps, that ends an absence."""


def copier(*names: str) -> Callable[[Any, Any], None]:
    """Return a function that copies these attributes: compiled, since it is called millions of times."""
    made: dict[str, Any] = {}
    exec("def copy(old, new):\n" + "".join(f"    new.{name} = old.{name}\n" for name in names), made)
    copy: Callable[[Any, Any], None] = made["copy"]
    return copy


copy_backoff = copier(*Backoff.__slots__)
copy_job = copier(*Job.__slots__)
copy_waiter = copier(*Waiter.__slots__)
copy_slot = copier(*{*Slot.__slots__, *AgingSlot.__slots__, *CheckedSlot.__slots__} - {"state"})


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
    quick: bool = False
    young: bool = False
    leftovers: bool = False
    """Whether sessions, new ones too, may turn out to be unfit for the next holder."""
    on_demand: bool = False
    """Whether sessions may be opened on demand, and somebody may wait until some are open."""
    nested: bool = False
    """Whether a caller may ask for another session inside the block of the one that it holds."""
    renewals: bool = False
    """Whether all sessions may be renewed, and a caller may keep one or have it ended."""
    hang_ups: bool = False
    """Whether it may be heard that the other side has hung up on a session, also on one that has gone since."""
    expiring: bool = False
    """Whether a new session may have an end of its own."""
    short_staffed: bool = False
    """Whether checks and resets wait for a worker, who may not be had."""
    lives_on: bool = False
    """Whether sessions live at the server: checks may fail and say nothing of them, and one may fail to be ended."""


class GrownSlot(CheckedSlot):
    """A slot whose sessions are taken for proven from the beginning: youth would only multiply states."""

    __slots__ = ()

    @property
    def created_at(self) -> None:  # type: ignore[override]
        """Nobody knows."""
        return

    @created_at.setter
    def created_at(self, when: float | None) -> None:
        """Forget it."""


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


class SharedRefs(LentSlots):
    """Lent slots whose references can be shared by clones."""

    __slots__ = ()

    def ref_to(self, session: object, slot: Slot) -> Held:  # type: ignore[override]
        """Return a reference that notes nothing: here sessions are dropped by hand."""
        return Held(session)


class ShortBackoff(Backoff):
    """A back-off whose pauses soon stop growing."""

    __slots__ = ()

    def failed(self, now: float) -> None:
        """Note a failure."""
        super().failed(now)
        self.pause = min(self.pause, PATIENT * UNIT)

    def _was_away_lately(self, now: float) -> bool:
        """Was there a failure a step or so ago?"""
        return now - self.counted_at < CALM * UNIT

    def _may_be_restart(self) -> bool:
        """Did failures follow each other for a step or two only?"""
        return self.paused_at - self.absent_since < BRIEF * UNIT

    def succeeded(self, now: float) -> None:
        """Note a success; what it leaves of the pause is one unit, or nothing."""
        super().succeeded(now)
        if self.pause:
            self.pause = UNIT


def no_jitter() -> float:
    """Return no chance at all."""
    return 0.0


def small_ledger(config: Config, slots: Callable[[], CheckedSlot] | None = None) -> Ledger[Session]:
    """Return the ledger of an empty, unbound pool."""
    ledger = Ledger[Session](
        config.size,
        interval=INTERVAL * UNIT,
        jitter=no_jitter,
        lifetime=config.lifetime * UNIT,
        max_waiters=config.max_waiters,
        slots=slots or kind_of_slot(config),
    )
    ledger.places.lent.__class__ = SharedRefs
    ledger.serving.creation.__class__ = ledger.serving.doubt.__class__ = ShortBackoff
    return ledger


def kind_of_slot(config: Config) -> type[CheckedSlot]:
    """Return what the slots of such a world are."""
    return CheckedSlot if config.young else GrownSlot


def clone_waiter(waiter: Waiter) -> Waiter:
    """Return an independent copy."""
    twin = Waiter.__new__(Waiter)
    copy_waiter(waiter, twin)
    return twin


def clone_round(round: Round, twins: dict[Any, Any]) -> Round:
    """Return an independent copy that waits for the copies."""
    twin = Round()
    twin.jobs = {twins[job] for job in round.jobs}
    twin.vacated = {twins[slot] for slot in round.vacated}
    twin.renews, twin.fills = round.renews, round.fills
    twin.proved, twin.enough, twin.lasts, twin.failure = round.proved, round.enough, round.lasts, round.failure
    return twin


def clone_job(job: Job, twins: dict[Any, Any]) -> Job:
    """Return an independent copy for the copy of its slot."""
    twin = Job.__new__(Job)
    copy_job(job, twin)
    twin.slot = None if job.slot is None else twins[job.slot]
    return twin


def clone_ledger(config: Config, old: Ledger[Session], twins: dict[Any, Any]) -> Ledger[Session]:
    """Return an independent copy; `twins` maps every slot, job, waiter and round to its copy, and is filled here."""
    kind = kind_of_slot(config)
    new = small_ledger(config, partial(kind.__new__, kind))
    for slot, twin in zip(old.places.slots, new.places.slots, strict=True):
        twins[slot] = twin
        copy_slot(slot, twin)
    new.places.dates.rebuild(new.places.slots)
    new.vacant.clear()
    new.vacant.extend([twins[slot] for slot in old.vacant])
    new.idle.extend([twins[slot] for slot in old.idle])
    for key, slot in old.lent.items():
        new.lent[key] = twins[slot]
    new.collected.extend(old.collected)
    new.places.left.extend(old.places.left)
    for waiter in old.waiters:
        new.waiters[twins.setdefault(waiter, clone_waiter(waiter))] = None
    clone_jobs(old.places.jobs, new.places.jobs, twins)
    new.serving.at_hand.pings.update({twins[ping]: seen_at for ping, seen_at in old.serving.at_hand.pings.items()})
    new.places.hangups.heard.update({twins[slot]: heard for slot, heard in old.places.hangups.heard.items()})
    copy_backoff(old.serving.creation, new.serving.creation)
    copy_backoff(old.serving.doubt, new.serving.doubt)
    new.closed, new.suspected_at = old.closed, old.suspected_at
    new.has_lifetimes, new.shortest = old.has_lifetimes, old.shortest
    new.serving.stock = old.serving.stock
    new.serving.on_trial.update(twins[slot] for slot in old.serving.on_trial)
    new.serving.renewal.has_room = old.serving.renewal.has_room
    new.serving.renewal.gap = old.serving.renewal.gap
    new.serving.renewal._looked_at = old.serving.renewal._looked_at
    new.serving.renewal.old.update({twins[slot]: proof for slot, proof in old.serving.renewal.old.items()})
    new.serving.filling, new.keeping.kept = old.filling, old.kept
    new.reports.failure, new.reports.refusal = old.reports.failure, old.reports.refusal
    new.reports.was_well, new.reports.refused_in = old.reports.was_well, old.reports.refused_in
    new.reports.early_death = old.reports.early_death
    return new


def clone_jobs(old: Jobs, new: Jobs, twins: dict[Any, Any]) -> None:
    """Copy all jobs and rounds."""
    for job in old.open:
        twins[job] = clone_job(job, twins)
        new.open.add(twins[job])
    for round in old.rounds:
        twins[round] = clone_round(round, twins)
        new.rounds.append(twins[round])
    new._counts.update(old._counts)
