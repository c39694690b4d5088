"""What there is to see while the demo runs."""

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pingpool.cli.bank import Bank
from pingpool.core.stats import Stats
from pingpool.telemetry.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long the bank is open, how many threads work, and how many sessions the pool holds."""

    seconds: float = 5.0
    workers: int = 16
    size: int = 4


class Scene:
    """One run of the demo, which begins now."""

    def __init__(self, plan: Plan, bank: Bank[Any], timeline: Timeline) -> None:
        self.plan = plan
        self.bank = bank
        self.timeline = timeline
        self._began_at = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self._began_at

    def left(self) -> float:
        return max(0.0, self.plan.seconds - self.elapsed())

    def rate(self) -> int:
        """Return the transfers within the last second."""
        transfers = self.bank.notes.transfers
        return len(transfers) - bisect_left(transfers.copy(), time.monotonic() - 1.0)

    def strikes(self) -> Counter[str]:
        return Counter(mark.what for mark in self.timeline.marks.copy())

    def stats(self) -> Stats:
        return self.bank.pool.stats()
