"""Counts of what happened since the pool was created. The ledger itself counts the checkouts that did not wait."""

from collections import Counter

from pingpool.core.histogram import Buckets
from pingpool.core.orders import Order


class Tally:
    """What the statistics tell, and no rule depends on."""

    __slots__ = (
        "broken_hooks",
        "create_failures",
        "created",
        "creations",
        "hanging",
        "leaked",
        "overran",
        "pings",
        "refused",
        "replaced",
        "resets",
        "rolled_back",
        "timed_out",
        "uses",
        "waited",
        "waits",
    )

    def __init__(self) -> None:
        self.waited = 0
        self.timed_out = 0
        self.refused = 0
        self.created = 0
        self.create_failures = 0
        self.pings = 0
        self.overran = 0
        self.hanging = 0
        self.broken_hooks = 0
        self.leaked = 0
        self.resets = 0
        self.rolled_back = 0
        self.replaced: Counter[str] = Counter()
        self.waits = Buckets()
        self.uses = Buckets()
        self.creations = Buckets()

    def note_reset(self, now: float) -> list[Order]:
        """Count a session that was reset; nothing follows from it."""
        self.resets += 1
        return []

    def note_broken_hook(self, now: float) -> list[Order]:
        """Count the call of a hook of the database that is broken; nothing follows from it."""
        self.broken_hooks += 1
        return []
