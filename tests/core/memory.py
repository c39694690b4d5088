"""What those around a ledger remember by themselves, so that it is never judged by its own books alone."""

import math
from collections.abc import Iterable
from typing import Any

from pingpool.core.at_hand import MOMENT
from pingpool.core.backoff import FIRST_PAUSE, KNOCK, RECOVERED, URGENT
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job, Order
from pingpool.core.reports import DOUBTS
from pingpool.core.slot import CLOSING, CREATING, Slot

from .model import Broken


class Memory:
    """When the last session died in use, how attempts to create one went, and how often checks proved nothing."""

    __slots__ = (
        "allowed",
        "died_at",
        "distrusts_since",
        "doubted_at",
        "doubts",
        "failed_at",
        "hung_up",
        "ordered_at",
        "pause",
        "seen",
        "tried_at",
        "was_away",
    )

    def __init__(self) -> None:
        """Remember nothing."""
        self.died_at = -math.inf
        self.ordered_at = -math.inf
        self.hung_up: frozenset[int] = frozenset()
        self.seen: dict[int, float] = {}
        self.proved()
        self.forgiven()

    def clone(self) -> "Memory":
        """Return an independent copy."""
        twin = Memory.__new__(Memory)
        twin.allowed = self.allowed
        twin.distrusts_since = self.distrusts_since
        twin.ordered_at = self.ordered_at
        twin.died_at = self.died_at
        twin.doubted_at = self.doubted_at
        twin.doubts = self.doubts
        twin.failed_at = self.failed_at
        twin.hung_up = self.hung_up
        twin.pause = self.pause
        twin.seen = self.seen.copy()
        twin.tried_at = self.tried_at.copy()
        twin.was_away = self.was_away
        return twin

    # What is remembered.

    def forgiven(self) -> None:
        """All failures were forgiven by a fill."""
        self.failed_at = -math.inf
        self.pause = 0.0
        self.was_away = False
        self.allowed: float = math.inf
        self.distrusts_since = math.inf
        self.tried_at: list[float] = []

    def proved_wrong(self, created_at: float, now: float) -> None:
        """A session died before it was proven: no new one is trusted; if it was on trial, its creation failed."""
        if created_at > max(self.distrusts_since, self.failed_at):
            self.failed(created_at)
        self.allowed = 1
        if self.distrusts_since == math.inf:
            self.distrusts_since = now
            self.tried_at.clear()

    def trusted(self) -> None:
        """A session that was on trial was proven."""
        self.distrusts_since = math.inf

    def created(self) -> None:
        """A session was created: twice as many may be tried now, if it is trusted."""
        if self.distrusts_since < math.inf:
            return
        self.failed_at = -math.inf
        self.allowed = self.allowed * 2 if self.allowed * 2 < RECOVERED else math.inf

    def failed(self, now: float) -> None:
        """No session could be created; the first time after nobody was there, it may soon be tried again."""
        self.failed_at = now
        self.pause, self.was_away = (KNOCK * 2 / 3 if self.was_away else FIRST_PAUSE), False
        self.allowed = 1

    def away(self, now: float) -> None:
        """Nobody was there to create a session."""
        self.failed(now)
        self.pause, self.was_away = KNOCK * 2 / 3, True

    def died(self) -> None:
        """A session was found dead, by whomever."""
        self.allowed = min(self.allowed, 1)

    def proved(self) -> None:
        """A check proved a session."""
        self.doubted_at = -math.inf
        self.doubts = 0

    def doubted(self, now: float) -> None:
        """A check proved nothing."""
        if now - self.doubted_at >= FIRST_PAUSE:
            self.doubted_at = now
            self.doubts += 1

    def heard(self, session: object) -> None:
        """The other side has hung up on this session."""
        self.hung_up |= {id(session)}

    def opened(self, session: object) -> None:
        """There is a new session, perhaps where another one was in memory."""
        self.hung_up -= {id(session)}

    def saw(self, session: object, now: float) -> None:
        """A quick check saw this session alive, and nobody waited for it any more."""
        self.seen[id(session)] = now

    # What is checked by it.

    def check_idle(self, ledger: Ledger[Any]) -> None:
        """A session on which the other side has hung up is replaced, not kept."""
        if self.hung_up and any(id(slot.session) in self.hung_up for slot in ledger.idle):
            raise Broken("a session is idle of which it was heard that the other side has hung up")

    def is_suspect(self, slot: Slot) -> bool:
        """Did a session die since this one was proven?"""
        return slot.proven_at <= self.died_at

    def check_lent(self, ledger: Ledger[Any], slot: Slot, now: float) -> None:
        """Rules 2 and 12: only the fresh are lent, those proven this very moment, and those seen alive in the last."""
        proven_at = proof_of(ledger, slot)
        seen_at = self.seen.pop(id(slot.ref()), -math.inf)
        if self.hung_up and id(slot.ref()) in self.hung_up:
            raise Broken("a session was lent of which it was heard that the other side has hung up")
        old = now - proven_at >= ledger.interval or now >= slot.retires_at or proven_at <= self.died_at
        moment = min(MOMENT, ledger.interval)
        if old and proven_at != now and not (now < slot.retires_at and max(self.died_at, now - moment) < seen_at):
            raise Broken("a session was lent that is overdue, too old or suspect")

    def check_creations(self, ledger: Ledger[Any], orders: Iterable[Order], now: float) -> None:
        """After a failure there is a pause, then one prober alone, then 2, 4, 8; and one more if those seem to hang."""
        ordered = [job for job in orders if isinstance(job, Job) and job.kind is CREATING and job in ledger.jobs]
        if not ordered:
            return
        if now - self.failed_at < self.pause * 0.999:
            raise Broken("a session is being created although the last attempt failed just now")
        self.tried_at += [now] * len(ordered)
        if self.distrusts_since < math.inf and sum(now - at < URGENT * 4 * 0.999 for at in self.tried_at) > 4:
            raise Broken("a fifth session is being created in a second, although none of the others is proven")
        del self.tried_at[:-5]
        under_way = ledger.places.jobs.count(CREATING)
        is_relief = len(ordered) == 1 and now - self.ordered_at >= URGENT * 0.999
        if under_way > self.allowed and not is_relief:
            raise Broken(f"{under_way} sessions are being created where {self.allowed} are allowed")
        self.ordered_at = now

    def check_doubt(self, job: Job) -> None:
        """A session that nobody can vouch for is replaced at last."""
        if self.doubts >= DOUBTS and job.slot is not None and job.slot.state is not CLOSING:
            raise Broken("checks proved nothing, again and again, and the session is kept")


def proof_of(ledger: Ledger[Any], slot: Slot) -> float:
    """Return when a session that is lent was proven, also if that was put aside."""
    if slot.proven_at > -math.inf:
        return slot.proven_at
    return max(ledger.places.hangups.heard.get(slot, -math.inf), ledger.serving.renewal.old.get(slot, -math.inf))
