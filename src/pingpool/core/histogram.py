"""How long things took, as counts by duration: cheap to note at each use, read only when somebody collects it.

To count a short use in its bucket costs a sixth of a whole `get` and `put`. So the fast way only adds up its seconds;
how many there were is what is left of all uses once the longer ones are subtracted.
"""

from bisect import bisect_left
from typing import Final, NamedTuple

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The buckets' upper bounds in seconds, inclusive; one more bucket holds what took longer."""

SHORT: Final = BOUNDS[0]
"""What takes no longer, in seconds, need not be counted one by one."""


class Histogram(NamedTuple):
    """How often something took how long.

    `counts[i]` is how often it took at most `bounds[i]` seconds, and more than the bound before; the last count, one
    more than there are bounds, is of what took longer. `sum` is all seconds together. Where a metric wants cumulative
    buckets (`le`), add the counts up.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float

    @property
    def total(self) -> int:
        """How often it happened."""
        return sum(self.counts)

    def at_most(self, share: float) -> float:
        """Return a bound in seconds that this share of all, from 0 to 1, did not exceed; infinity if there is none."""
        left = share * self.total
        for bound, count in zip(self.bounds, self.counts, strict=False):
            left -= count
            if left <= 0:
                return bound
        return float("inf")


class Buckets:
    """The counts behind a histogram, as they grow."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        """Count something that took so long."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    @property
    def noted(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def histogram(self, total: int) -> Histogram:
        """Return a picture of the counts: whatever is missing in the total was short, and nobody counted it."""
        longer = self.counts[1:]
        return Histogram(BOUNDS, (max(0, total - sum(longer)), *longer), self.seconds)
