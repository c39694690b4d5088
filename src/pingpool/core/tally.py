"""Counts of what happened since the pool was created. The ledger itself counts the checkouts that did not wait."""

from collections import Counter


class Tally:
    """What the statistics tell, and no rule depends on."""

    __slots__ = (
        "create_failures",
        "created",
        "leaked",
        "overran",
        "pings",
        "refused",
        "replaced",
        "timed_out",
        "waited",
    )

    def __init__(self) -> None:
        self.waited = 0
        self.timed_out = 0
        self.refused = 0
        self.created = 0
        self.create_failures = 0
        self.pings = 0
        self.overran = 0
        self.leaked = 0
        self.replaced: Counter[str] = Counter()
