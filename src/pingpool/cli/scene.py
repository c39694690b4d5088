"""What there is to see while the demo runs: the plan, the bank, the timeline, and how much of the time is over."""

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
    """How long the bank is open, how many threads work there, and how many sessions its pool holds."""

    seconds: float = 5.0
    workers: int = 16
    size: int = 4


class Scene:
    """One run of the demo, for those who watch it."""

    def __init__(self, plan: Plan, bank: Bank[Any], timeline: Timeline) -> None:
        """Begin now."""
        self.plan = plan
        self.bank = bank
        self.timeline = timeline
        self._began_at = time.monotonic()

    def elapsed(self) -> float:
        """Return how many seconds it has been going on."""
        return time.monotonic() - self._began_at

    def left(self) -> float:
        """Return how many seconds are left."""
        return max(0.0, self.plan.seconds - self.elapsed())

    def rate(self) -> int:
        """Return the transfers per second, over the last second."""
        transfers = self.bank.notes.transfers
        return len(transfers) - bisect_left(transfers.copy(), time.monotonic() - 1.0)

    def strikes(self) -> Counter[str]:
        """Count what the saboteur did, by kind."""
        return Counter(mark.what for mark in self.timeline.marks.copy())

    def stats(self) -> Stats:
        """Take a snapshot of the pool."""
        return self.bank.pool.stats()
