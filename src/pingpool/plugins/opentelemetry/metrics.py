"""The metrics of pools, read from `pool.stats()` when the SDK collects them; nothing is called in between."""

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import Any

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation, get_meter_provider

from pingpool.core.histogram import BOUNDS
from pingpool.core.stats import Stats
from pingpool.plugins.opentelemetry.names import (
    CREATIONS,
    NEWEST,
    USES,
    WAITS,
    Convention,
    Name,
    convention_of,
)
from pingpool.plugins.opentelemetry.replay import Replay, values_of
from pingpool.plugins.watched import Pool, Watched
from pingpool.threads.late import LateLock

Figure = Callable[[Stats], Any]


def instrument(pool: Pool, *, meter_provider: MeterProvider | None = None, convention: str = NEWEST) -> None:
    """Have the figures of a pool collected, under its name, until it is closed or dropped.

    Args:
        pool: a pool of either world.
        meter_provider: where to; None is the global one, also if it is set later.
        convention: the version of the semantic conventions, or "pingpool" for sessions of what is no database.

    Raises:
        ValueError: another pool of this name is open, or the convention is not known.
    """
    names = convention_of(convention)
    with _lock.lock:
        _metrics_of(meter_provider, names).watched.add(pool)


class Metrics:
    """The instruments of one meter, and the pools that they speak of."""

    def __init__(self, meter: Meter, names: Convention) -> None:
        self.watched = Watched()
        self._names = names
        up_down, counter = meter.create_observable_up_down_counter, meter.create_observable_counter
        for create, name, figure in (
            (up_down, names.max, attrgetter("size")),
            (up_down, names.idle_max, attrgetter("size")),
            (up_down, names.idle_min, attrgetter("wanted")),
            (up_down, names.pending_requests, attrgetter("waiting")),
            (counter, names.timeouts, attrgetter("timed_out")),
        ):
            create(name.name, [partial(self._figures, figure)], name.unit, name.says)
        up_down(names.count.name, [self._count], names.count.unit, names.count.says)
        for name, ours, figure in (
            (names.wait_time, WAITS, attrgetter("waits")),
            (names.use_time, USES, attrgetter("uses")),
            (names.create_time, CREATIONS, attrgetter("creations")),
        ):
            times = Times(self.watched, names.pool, figure, histogram_of(meter, name))
            counter(ours.name, [times.collect], ours.unit, ours.says)

    def _figures(self, figure: Figure, options: CallbackOptions) -> Iterator[Observation]:
        for pool in self.watched.open():
            yield Observation(figure(pool.stats()), {self._names.pool: pool.name})

    def _count(self, options: CallbackOptions) -> Iterator[Observation]:
        names = self._names
        for pool in self.watched.open():
            stats = pool.stats()
            yield Observation(stats.idle, {names.pool: pool.name, names.state: names.idle})
            yield Observation(stats.in_use, {names.pool: pool.name, names.state: names.used})


class Times:
    """One kind of times: a counter that is observed, and a histogram that is brought up to date with it."""

    def __init__(self, watched: Watched, attribute: str, figure: Figure, histogram: Histogram) -> None:
        self._watched = watched
        self._attribute = attribute
        self._figure = figure
        self._histogram = histogram
        self._replays: weakref.WeakKeyDictionary[Pool, Replay] = weakref.WeakKeyDictionary()
        self._turn = LateLock()

    def collect(self, options: CallbackOptions) -> Iterator[Observation]:
        """Record what is new, of closed pools too; yield how many there were in all."""
        for pool in self._watched.all():
            attributes = {self._attribute: pool.name}
            with self._turn.lock:  # of several readers one records, and all of them get it
                counts = self._figure(pool.stats())
                new = self._replays.setdefault(pool, Replay()).new_in(counts)
            for value, times in values_of(new):
                for _ in range(times):
                    self._histogram.record(value, attributes)
            if not pool.closed:
                yield Observation(counts.total, attributes)


def histogram_of(meter: Meter, name: Name) -> Histogram:
    """Return a histogram with the pool's own buckets."""
    return meter.create_histogram(name.name, name.unit, name.says, explicit_bucket_boundaries_advisory=BOUNDS)


_lock = LateLock()
_metrics: weakref.WeakKeyDictionary[Any, dict[Convention, Metrics]] = weakref.WeakKeyDictionary()


def _metrics_of(meter_provider: MeterProvider | None, names: Convention) -> Metrics:
    """Return the one set of instruments: a second one on the same meter would never be asked."""
    provider = meter_provider or get_meter_provider()
    key = _ForAll if provider is get_meter_provider() else provider
    by_convention = _metrics.setdefault(key, {})
    if names not in by_convention:
        by_convention[names] = Metrics(provider.get_meter("pingpool"), names)
    return by_convention[names]


class _ForAll:
    """Stands for the global provider, which may be set later than the first pool is instrumented."""
