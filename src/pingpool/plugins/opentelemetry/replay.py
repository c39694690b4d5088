"""From counts to an OpenTelemetry histogram, which can be given one value after the other only.

There is no histogram that is observed at collection, and to record a value costs more than a whole checkout. So the
pool counts, and at collection whatever is new is recorded: as many values in each bucket as the pool counted, chosen
so that their sum is the pool's too. A collection must end within seconds: so there is a most.
"""

import math
from collections.abc import Iterator
from typing import Final

from pingpool.core.histogram import Histogram

MOST: Final = 10_000
"""How many values of one kind at most are recorded in one collection; of more, a part of each bucket."""


class Replay:
    """What is new in a histogram of a pool since the last look."""

    def __init__(self) -> None:
        self._seen: Histogram | None = None

    def new_in(self, now: Histogram) -> Histogram:
        """Return what was added since; all of it if the pool has begun to count anew, as in a forked child."""
        seen = self._seen
        if seen is None or _began_anew(seen, now):
            self._seen = now
            return now
        most = tuple(map(max, now.counts, seen.counts))  # what is read while others work may lag by a few
        self._seen = Histogram(now.bounds, most, now.sum)
        return Histogram(
            now.bounds, tuple(new - old for new, old in zip(most, seen.counts, strict=True)), now.sum - seen.sum
        )


def _began_anew(seen: Histogram, now: Histogram) -> bool:
    is_less = any(new < old for new, old in zip(now.counts[1:], seen.counts[1:], strict=True))
    return is_less or now.sum < seen.sum or now.total < seen.total / 2


def values_of(histogram: Histogram) -> Iterator[tuple[float, int]]:
    """Yield values and how often to record each, so that counts and sum are the histogram's."""
    thinned = _thinned(histogram)
    share = _share(thinned)
    beyond = thinned.counts[-1]
    lows = (0.0, *thinned.bounds)
    for low, high, count in zip(lows, thinned.bounds, thinned.counts, strict=False):
        if count:
            yield low + share * (high - low), count
    if beyond:
        last = thinned.bounds[-1]
        left = thinned.sum - _sum_at(thinned, 1.0)
        yield max(math.nextafter(last, math.inf), last + left / beyond), beyond


def _thinned(histogram: Histogram) -> Histogram:
    """Return the histogram, or a smaller one of the same shape."""
    total = histogram.total
    if total <= MOST:
        return histogram
    part = MOST / total
    return Histogram(histogram.bounds, tuple(round(count * part) for count in histogram.counts), histogram.sum * part)


def _share(histogram: Histogram) -> float:
    """Return how far from a bucket's lower to its upper bound its values lie, so that their sum is right."""
    low, high = _sum_at(histogram, 0.0), _sum_at(histogram, 1.0)
    share = (histogram.sum - low) / (high - low) if high > low else 1.0
    return min(1.0, max(1e-9, share))  # a lower bound itself is in the bucket below


def _sum_at(histogram: Histogram, share: float) -> float:
    """Return the sum of values that lie so far up in their buckets; in the last one, at its lower bound."""
    lows, bounds = (0.0, *histogram.bounds), (*histogram.bounds, histogram.bounds[-1])
    return sum(
        count * (low + share * (high - low)) for low, high, count in zip(lows, bounds, histogram.counts, strict=True)
    )
