"""What a running pool has counted, read from a file: its `stats()` as JSON, or a scrape of the Prometheus exporter."""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from operator import sub
from typing import Any, NamedTuple

from pingpool.core.histogram import Histogram
from pingpool.text import nearest

SAMPLE = re.compile(r"pingpool_(\w+)\{(.*)\} (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Unreadable(ValueError):
    """The text holds no counters of a pool, or of several, or of another one; the text says which."""


class Counters(NamedTuple):
    """What tells how busy a pool is: its size, and how long callers waited and held sessions so far."""

    size: int
    waits: Histogram
    uses: Histogram

    def since(self, earlier: "Counters") -> "Counters":
        """Return what was counted in between.

        Raises:
            Unreadable: the earlier ones are larger, so they are of another pool, or of the time before a restart.
        """
        waits, uses = _difference(self.waits, earlier.waits), _difference(self.uses, earlier.uses)
        if min(*waits.counts, *uses.counts) < 0:
            raise Unreadable("the counters went back: another pool, or it was started anew in between")
        return Counters(self.size, waits, uses)


def counters_in(text: str, pool: str | None = None) -> Counters:
    """Read the counters of a pool; `pool` names it where there are several.

    Raises:
        Unreadable: there are none of that pool, or those of several.
    """
    if text.lstrip().startswith("{"):
        return _of_stats(text)
    found = _by_pool(text)
    if not found:
        raise Unreadable("no counters of a pool: neither its stats() as JSON nor a scrape of its Prometheus exporter")
    name = pool if pool is not None else next(iter(found))
    if name not in found:
        meant = nearest(name, found)
        raise Unreadable(f"no pool is called {name!r}; there is {meant or ', '.join(sorted(found))}")
    if pool is None and len(found) > 1:
        raise Unreadable(f"counters of {len(found)} pools: name one of {', '.join(sorted(found))}")
    return _of_samples(found[name])


def _of_stats(text: str) -> Counters:
    try:
        stats = json.loads(text)
        return Counters(int(stats["size"]), _of_json(stats["waits"]), _of_json(stats["uses"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"JSON, but not of stats(): {type(error).__name__}: {error}") from None


def _of_json(parts: Any) -> Histogram:
    bounds, counts, seconds = parts
    return Histogram(tuple(map(float, bounds)), tuple(map(int, counts)), float(seconds))


def _by_pool(text: str) -> dict[str, dict[tuple[str, str], float]]:
    """Return the samples of each pool, by their name and their bound."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for line in text.splitlines():
        if sample := SAMPLE.match(line):
            labels = dict(LABEL.findall(sample[2]))
            found.setdefault(labels.get("pool", ""), {})[sample[1], labels.get("le", "")] = float(sample[3])
    return found


def _of_samples(samples: Mapping[tuple[str, str], float]) -> Counters:
    try:
        return Counters(int(samples["size", ""]), _histogram("wait", samples), _histogram("use", samples))
    except KeyError as missing:
        raise Unreadable(f"a scrape without pingpool_{missing.args[0][0]}") from None


def _histogram(what: str, samples: Mapping[tuple[str, str], float]) -> Histogram:
    """Make a histogram of buckets that each count all below their bound."""
    buckets = sorted(
        (float(bound), int(count)) for (name, bound), count in samples.items() if name == f"{what}_seconds_bucket"
    )
    counts = [after - before for before, after in pairwise([0, *(count for _, count in buckets)])]
    return Histogram(tuple(bound for bound, _ in buckets[:-1]), tuple(counts), samples[f"{what}_seconds_sum", ""])


def _difference(later: Histogram, earlier: Histogram) -> Histogram:
    if later.bounds != earlier.bounds:
        raise Unreadable("the counters have different buckets")
    return Histogram(later.bounds, tuple(map(sub, later.counts, earlier.counts)), later.sum - earlier.sum)
