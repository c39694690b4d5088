"""What those around a ledger remember by themselves, so that it is never judged by its own books alone."""

import math
from collections.abc import Iterable
from typing import Any

from pingpool.core.backoff import FIRST_PAUSE
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job, Order
from pingpool.core.reports import DOUBTS
from pingpool.core.slot import CLOSING, CREATING, Slot

from .model import Broken


class Memory:
    """When the last session died in use, when the last attempt failed, and how often checks proved nothing."""

    __slots__ = ("alone", "died_at", "doubted_at", "doubts", "failed_at", "pause")

    def __init__(self) -> None:
        """Remember nothing."""
        self.died_at = -math.inf
        self.proved()
        self.made()
        self.alone = False

    def clone(self) -> "Memory":
        """Return an independent copy."""
        twin = Memory.__new__(Memory)
        twin.alone = self.alone
        twin.died_at = self.died_at
        twin.doubted_at = self.doubted_at
        twin.doubts = self.doubts
        twin.failed_at = self.failed_at
        twin.pause = self.pause
        return twin

    # What is remembered.

    def made(self) -> None:
        """A session was made, or all failures were forgiven by a fill."""
        self.failed_at = -math.inf
        self.pause = 0.0
        self.alone = False

    def failed(self, now: float, pause: float = FIRST_PAUSE) -> None:
        """No session could be made; none is to be tried for so many seconds."""
        self.failed_at = now
        self.pause = pause
        self.alone = True

    def died(self) -> None:
        """A session was found dead, by whomever."""
        self.alone = True

    def proved(self) -> None:
        """A check proved a session."""
        self.doubted_at = -math.inf
        self.doubts = 0

    def doubted(self, now: float) -> None:
        """A check proved nothing."""
        if now - self.doubted_at >= FIRST_PAUSE:
            self.doubted_at = now
            self.doubts += 1

    # What is checked by it.

    def is_suspect(self, slot: Slot) -> bool:
        """Did a session die since this one was proven?"""
        return slot.proven_at <= self.died_at

    def check_lent(self, ledger: Ledger[Any], slot: Slot, now: float) -> None:
        """Rule 2: only the fresh are lent, and those proven this very moment."""
        old = now - slot.proven_at >= ledger.interval or now >= slot.retires_at or self.is_suspect(slot)
        if old and slot.proven_at != now:
            raise Broken("a session was lent that is overdue, too old or suspect")

    def check_creations(self, ledger: Ledger[Any], orders: Iterable[Order], now: float) -> None:
        """After a failure there is a pause, and then one prober alone; one goes first after a death too."""
        ordered = [job for job in orders if isinstance(job, Job) and job.kind is CREATING and job in ledger.jobs]
        if ordered and now - self.failed_at < self.pause * 0.999:
            raise Broken("a session is being made although the last attempt failed just now")
        if ordered and self.alone and ledger.under_way[CREATING] > 1:
            raise Broken("the prober is not alone")

    def check_doubt(self, job: Job) -> None:
        """A session that nobody can vouch for is replaced at last."""
        if self.doubts >= DOUBTS and job.slot is not None and job.slot.state is not CLOSING:
            raise Broken("checks proved nothing, again and again, and the session is kept")
