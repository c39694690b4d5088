"""How long callers waited for a session: percentiles and a histogram."""

from bisect import bisect_right
from itertools import pairwise

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds: where one bar of the histogram ends and the next begins."""

NAMES = (
    f"under {BOUNDS[0] * 1000:g} ms",
    *(f"{low * 1000:g} to {high * 1000:g} ms" for low, high in pairwise(BOUNDS)),
    f"over {BOUNDS[-1] * 1000:g} ms",
)


class Waits:
    """Waits, in seconds. Safe to share among threads."""

    def __init__(self) -> None:
        self._waits: list[float] = []

    def note(self, seconds: float) -> None:
        self._waits.append(seconds)

    def __len__(self) -> int:
        return len(self._waits)

    def percentiles(self, *percents: float) -> list[float]:
        """Return the waits below which so many percent of all lie (100: the longest); zeros if there are none."""
        waits = sorted(self._waits) or [0.0]
        return [waits[min(len(waits) - 1, int(len(waits) * percent / 100))] for percent in percents]

    def histogram(self) -> list[int]:
        counts = [0] * len(NAMES)
        for wait in self._waits.copy():
            counts[bisect_right(BOUNDS, wait)] += 1
        return counts


def in_words(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
