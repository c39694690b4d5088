"""OpenTelemetry: what the real SDK collects from a pool."""

import gc
import json
import subprocess
import sys
from typing import Any

import pytest

import pingpool
from pingpool.core.histogram import BOUNDS, Histogram
from pingpool.testing import Clock, FaultyDatabase, equip
from tests.databases.waiting import SOON

pytest.importorskip("opentelemetry.sdk", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.attributes import db_attributes
from opentelemetry.semconv._incubating.metrics import db_metrics

from pingpool.plugins.opentelemetry import instrument, metrics
from pingpool.plugins.opentelemetry.names import CONVENTIONS, NEWEST, Name
from pingpool.plugins.opentelemetry.replay import MOST, Replay, values_of
from tests.plugins.forking import succeeds_in_child

PREFIX = "db.client.connection"
NINE = {each for each in vars(CONVENTIONS[NEWEST]).values() if isinstance(each, Name)}


class Sdk:
    """The real SDK, with a reader that keeps what it collects."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])

    def collect(self) -> dict[str, Any]:
        """Return the metrics of this moment, by name."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """Return the points of a metric, by the values of their attributes."""
        metric = self.collect().get(name)
        return {tuple(point.attributes.values()): point for point in metric.data.data_points} if metric else {}


@pytest.fixture
def sdk() -> Any:
    """An SDK of the test's own."""
    sdk = Sdk()
    yield sdk
    sdk.provider.shutdown()


@pytest.fixture
def clock() -> Clock:
    """A clock that is set by hand."""
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Any:
    """A pool called shop."""
    pool = equip(pingpool.PingingPool(3, name="shop"), clock=clock)
    pool.bind(FaultyDatabase())
    yield pool
    pool.close()


def test_the_names_are_those_of_the_conventions() -> None:
    """Names, units and descriptions are those of the official package, and so are the attributes."""
    theirs = Sdk()
    meter = theirs.provider.get_meter("theirs")
    made = [getattr(db_metrics, f"create_{each.name.replace('.', '_')}")(meter) for each in NINE]
    said = {(each.name, each.unit, each.description.rstrip(".")) for each in made}
    assert said == {(each.name, each.unit, each.says.rstrip(".")) for each in NINE}
    assert CONVENTIONS[NEWEST].pool == db_attributes.DB_CLIENT_CONNECTION_POOL_NAME
    assert CONVENTIONS[NEWEST].state == db_attributes.DB_CLIENT_CONNECTION_STATE
    states = {state.value for state in db_attributes.DbClientConnectionStateValues}
    assert {CONVENTIONS[NEWEST].idle, CONVENTIONS[NEWEST].used} == states


def test_all_nine_are_collected_with_the_kinds_that_the_conventions_ask_for(sdk: Sdk, pool: Any) -> None:
    """Up-down counters are sums that may fall, the time-outs a sum that grows, the times histograms."""
    instrument(pool, meter_provider=sdk.provider)
    pool.put(pool.get())
    collected = sdk.collect()
    assert {each.name for each in NINE} <= collected.keys()
    for each in NINE:
        data = collected[each.name].data
        official = getattr(db_metrics, f"create_{each.name.replace('.', '_')}").__annotations__["return"].__name__
        kind = type(data).__name__
        ours = kind if kind == "Histogram" else "Counter" if data.is_monotonic else "UpDownCounter"
        assert (ours, collected[each.name].unit) == (official, each.unit)


def test_the_figures_are_those_of_the_pool(sdk: Sdk, pool: Any) -> None:
    """What is idle, used, allowed and timed out, each under the name of the pool."""
    instrument(pool, meter_provider=sdk.provider)
    held = [pool.get(), pool.get(), pool.get()]
    with pytest.raises(pingpool.PoolTimeout):
        pool.get(0)
    pool.put(held.pop())
    figures = {name: sdk.points(f"{PREFIX}.{name}")["shop",].value for name in ("max", "idle.max", "idle.min")}
    assert figures == {"max": 3, "idle.max": 3, "idle.min": 3}
    assert sdk.points(f"{PREFIX}.timeouts")["shop",].value == 1
    assert sdk.points(f"{PREFIX}.pending_requests")["shop",].value == 0
    states = {state: point.value for (_, state), point in sdk.points(f"{PREFIX}.count").items()}
    assert states == {"idle": 1, "used": 2}
    for session in held:
        pool.put(session)


def test_times_are_histograms_with_the_counts_and_the_sum_of_the_pool(sdk: Sdk, pool: Any, clock: Clock) -> None:
    """Two uses, of 0.02 and 3 s: each is in its bucket, once, however often is collected."""
    instrument(pool, meter_provider=sdk.provider)
    for seconds in (0.02, 3.0):
        session = pool.get()
        clock.advance(seconds)
        pool.put(session)
        (point,) = sdk.points(f"{PREFIX}.use_time").values()
    stats = pool.stats()
    assert tuple(point.explicit_bounds) == BOUNDS
    assert tuple(point.bucket_counts) == stats.uses.counts
    assert (point.count, point.sum) == (2, pytest.approx(3.02))
    assert sdk.points(f"{PREFIX}.create_time")["shop",].count == stats.creations.total == 3
    assert sdk.points(f"{PREFIX}.wait_time")["shop",].count == stats.waits.total == 2
    assert sdk.points("pingpool.uses")["shop",].value == 2


def test_several_pools_are_told_apart_by_their_names(sdk: Sdk, pool: Any) -> None:
    """Each has its points, and a closed one or a dropped one has none any more."""
    other = pingpool.open(FaultyDatabase(), size=1, name="jobs")
    for each in (pool, other):
        instrument(each, meter_provider=sdk.provider)
    assert {name: point.value for (name,), point in sdk.points(f"{PREFIX}.max").items()} == {"shop": 3, "jobs": 1}
    other.close()
    assert sdk.points(f"{PREFIX}.max").keys() == {("shop",)}
    third = pingpool.open(FaultyDatabase(), size=1, name="jobs")
    instrument(third, meter_provider=sdk.provider)
    third.close()
    del third, other
    gc.collect()
    assert sdk.points(f"{PREFIX}.max").keys() == {("shop",)}


def test_two_open_pools_of_one_name_are_refused(sdk: Sdk, pool: Any) -> None:
    """Their figures could not be told apart; the same pool again is no harm."""
    instrument(pool, meter_provider=sdk.provider)
    instrument(pool, meter_provider=sdk.provider)
    with (
        pingpool.open(FaultyDatabase(), size=1, name="shop") as other,
        pytest.raises(ValueError, match="another pool of the name 'shop'"),
    ):
        instrument(other, meter_provider=sdk.provider)


def test_sessions_that_are_no_connections_have_names_of_ours(sdk: Sdk, pool: Any) -> None:
    """The conventions speak of databases only."""
    instrument(pool, meter_provider=sdk.provider, convention="pingpool")
    collected = sdk.collect().keys()
    assert "pingpool.count" in collected
    assert not [name for name in collected if name.startswith(PREFIX)]
    with pytest.raises(ValueError, match=r"1\.27, pingpool"):
        instrument(pool, meter_provider=sdk.provider, convention="0.1")


def test_two_readers_get_the_same_times(pool: Any) -> None:
    """What one reader's collection records is there for the other, once."""
    first, second = InMemoryMetricReader(), InMemoryMetricReader()
    sdk = Sdk()
    sdk.provider = MeterProvider([first, second])
    instrument(pool, meter_provider=sdk.provider)
    pool.put(pool.get())
    for sdk.reader in (first, second, first):
        assert sdk.points(f"{PREFIX}.use_time")["shop",].count == 1
    sdk.provider.shutdown()


GLOBAL = """
import pingpool
from opentelemetry import metrics
from pingpool.plugins.opentelemetry import instrument
from pingpool.testing import FaultyDatabase
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

def open(name):
    return pingpool.open(FaultyDatabase(), size=1, name=name)

with open("early") as early, open("late") as late, open("named") as named:
    instrument(early)
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    instrument(late)
    instrument(named, meter_provider=metrics.get_meter_provider())
    print(reader.get_metrics_data().to_json())
"""


def test_the_global_provider_may_be_set_later() -> None:
    """A pool that was instrumented before the SDK was set up is collected, and so are those that come after."""
    ran = subprocess.run([sys.executable, "-c", GLOBAL], capture_output=True, text=True, timeout=SOON)
    assert ran.stderr == ""
    (resource,) = json.loads(ran.stdout)["resource_metrics"]
    (scope,) = resource["scope_metrics"]
    (most,) = [metric["data"]["data_points"] for metric in scope["metrics"] if metric["name"] == f"{PREFIX}.max"]
    assert {point["attributes"][f"{PREFIX}.pool.name"] for point in most} == {"early", "late", "named"}


def histogram(counts: dict[int, int], seconds: float) -> Histogram:
    """Return a histogram with so many in the buckets of these numbers."""
    return Histogram(BOUNDS, tuple(counts.get(number, 0) for number in range(len(BOUNDS) + 1)), seconds)


@pytest.mark.parametrize(
    ("counts", "seconds"),
    [({0: 5}, 0.002), ({0: 1, 4: 3, 12: 2}, 13.0), ({2: 1}, 0.005), ({13: 3}, 60.0), ({0: 2, 13: 1}, 12.0), ({}, 0.0)],
)
def test_values_are_in_their_buckets_and_have_the_sum(counts: dict[int, int], seconds: float) -> None:
    """What is recorded gives the histogram that the pool has, count by count, and its sum."""
    wanted = histogram(counts, seconds)
    sdk = Sdk()
    meter = sdk.provider.get_meter("test").create_histogram("h", explicit_bucket_boundaries_advisory=BOUNDS)
    for value, times in values_of(wanted):
        for _ in range(times):
            meter.record(value)
    points = list(sdk.points("h").values())
    assert [(tuple(point.bucket_counts), point.sum) for point in points] == (
        [(wanted.counts, pytest.approx(seconds))] if counts else []
    )
    sdk.provider.shutdown()


def test_a_collection_records_no_more_than_it_can() -> None:
    """Of a million uses a part is recorded, of the same shape."""
    counts = dict(values_of(histogram({0: 750_000, 6: 250_000}, 25_000.0)))
    assert list(counts.values()) == [0.75 * MOST, 0.25 * MOST]


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        (histogram({0: 9, 3: 1}, 1.0), histogram({0: 12, 3: 1}, 1.5), {0: 3}),
        (histogram({0: 9, 3: 1}, 1.0), histogram({0: 8, 3: 2}, 1.5), {3: 1}),  # read while somebody was at work
        (histogram({0: 9, 3: 1}, 1.0), histogram({0: 2}, 0.1), {0: 2}),  # a forked child counts from nought
    ],
)
def test_only_what_is_new_is_recorded(before: Histogram, after: Histogram, new: dict[int, int]) -> None:
    """The difference to the last look; never less than nothing."""
    replay = Replay()
    assert replay.new_in(before) == before
    assert replay.new_in(after).counts == histogram(new, 0).counts
    assert replay.new_in(after).total == 0


def test_a_child_that_was_forked_while_a_pool_was_instrumented_can_do_so_too() -> None:
    """Whatever another thread of the parent was about."""
    sdk = Sdk()
    with pingpool.open(FaultyDatabase(), size=1, name="forked") as pool:
        assert succeeds_in_child(lambda: instrument(pool, meter_provider=sdk.provider), held=metrics._lock)
