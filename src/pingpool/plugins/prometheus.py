"""Pools in Prometheus: `pip install "pingpool[prometheus]"`.

    from prometheus_client import REGISTRY
    REGISTRY.register(PoolCollector(pool))

Each scrape reads `pool.stats()` once a pool; nothing is called in between.
"""

from collections.abc import Iterator
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final

from pingpool.core.histogram import Histogram
from pingpool.core.stats import Stats
from pingpool.extras import needing
from pingpool.plugins.watched import Pool, Watched

with needing("prometheus"):
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
    from prometheus_client.registry import Collector

STATES: Final = ("idle", "in_use", "creating", "checking", "resetting", "closing", "vacant")
"""What a slot of a pool may be doing: together they are the pool's size."""

GAUGES: Final = {
    "pingpool_size": ("Sessions that the pool may have.", "size"),
    "pingpool_waiting": ("Callers who wait for a session.", "waiting"),
    "pingpool_hanging_workers": ("Calls of the driver that were given up, and have not come back.", "hanging"),
    "pingpool_ping_interval_seconds": ("After how long an idle session is proven.", "ping_interval"),
}

COUNTERS: Final = {
    "pingpool_timeouts": ("Callers who got no session in time.", "timed_out"),
    "pingpool_refused": ("Callers who were refused at once.", "refused"),
    "pingpool_created": ("Sessions that were created.", "created"),
    "pingpool_create_failures": ("Sessions that could not be created.", "create_failures"),
    "pingpool_pings": ("Sessions that were pinged.", "pings"),
    "pingpool_overruns": ("Calls of the driver that took longer than io_timeout.", "overran"),
    "pingpool_leaked": ("Sessions whose holder dropped them.", "leaked"),
    "pingpool_resets": ("Sessions in which something was undone.", "resets"),
}

HISTOGRAMS: Final = {
    "pingpool_wait_seconds": ("How long callers waited for a session.", "waits"),
    "pingpool_use_seconds": ("For how long sessions were held.", "uses"),
    "pingpool_create_seconds": ("How long it took to create a session.", "creations"),
}


class PoolCollector(Collector):
    """Collects the figures of pools, each under its name as the label `pool`, until it is closed or dropped.

    Raises:
        ValueError: two of the pools have one name.
    """

    def __init__(self, *pools: Pool) -> None:
        self._watched = Watched()
        for pool in pools:
            self.add(pool)

    def add(self, pool: Pool) -> None:
        """Collect from this pool too.

        Raises:
            ValueError: another pool of this name is open.
        """
        self._watched.add(pool)

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of this moment."""
        stats = {pool.name: pool.stats() for pool in self._watched.open()}
        yield _sessions(stats)
        yield _replaced(stats)
        for name, (help, field) in GAUGES.items():
            yield _filled(GaugeMetricFamily(name, help, labels=["pool"]), field, stats)
        for name, (help, field) in COUNTERS.items():
            yield _filled(CounterMetricFamily(name, help, labels=["pool"]), field, stats)
        for name, (help, field) in HISTOGRAMS.items():
            yield _histogram(HistogramMetricFamily(name, help, labels=["pool"]), field, stats)


def _sessions(stats: dict[str, Stats]) -> Metric:
    family = GaugeMetricFamily("pingpool_sessions", "What the slots of the pool do.", labels=["pool", "state"])
    for pool, figures in stats.items():
        for state in STATES:
            family.add_metric([pool, state], getattr(figures, state))
    return family


def _replaced(stats: dict[str, Stats]) -> Metric:
    family = CounterMetricFamily("pingpool_replaced", "Sessions that were replaced.", labels=["pool", "reason"])
    for pool, figures in stats.items():
        for reason, count in figures.replaced.items():
            family.add_metric([pool, reason], count)
    return family


def _filled(family: Any, field: str, stats: dict[str, Stats]) -> Metric:
    figure = attrgetter(field)
    for pool, figures in stats.items():
        family.add_metric([pool], figure(figures))
    filled: Metric = family
    return filled


def _histogram(family: HistogramMetricFamily, field: str, stats: dict[str, Stats]) -> Metric:
    figure = attrgetter(field)
    for pool, figures in stats.items():
        histogram: Histogram = figure(figures)
        bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
        family.add_metric([pool], list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum)
    return family
