"""Prometheus: what is scraped from pools, by the client's own exposition and its own parser."""

import gc
import json
import re
from typing import Any

import pytest

import pingpool
from pingpool.testing import Clock, FaultyDatabase, equip
from tests.docs.pages import ROOT

pytest.importorskip("prometheus_client", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from pingpool.plugins.prometheus import COUNTERS, GAUGES, HISTOGRAMS, STATES, PoolCollector

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(registry: CollectorRegistry) -> Samples:
    """Return the samples of the exposition, as Prometheus reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def of_shop(samples: Samples, name: str, **labels: str) -> float:
    """Return the value of one sample of the pool called shop."""
    return samples[name, tuple(sorted({"pool": "shop", **labels}.items()))]


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


@pytest.fixture
def registry(pool: Any) -> CollectorRegistry:
    """A registry of the test's own, with the pool."""
    registry = CollectorRegistry()
    registry.register(PoolCollector(pool))
    return registry


def test_the_figures_are_those_of_the_pool(registry: CollectorRegistry, pool: Any) -> None:
    """States, limits and counters, each under the name of the pool."""
    held = [pool.get(), pool.get(), pool.get()]
    with pytest.raises(pingpool.PoolTimeout):
        pool.get(0)
    pool.put(held.pop())
    samples, stats = scrape(registry), pool.stats()
    states = {state: of_shop(samples, "pingpool_sessions", state=state) for state in STATES}
    assert states == {state: getattr(stats, state) for state in STATES}
    assert sum(states.values()) == of_shop(samples, "pingpool_size") == 3
    assert of_shop(samples, "pingpool_timeouts_total") == 1
    for name, (_, field) in GAUGES.items():
        assert of_shop(samples, name) == getattr(stats, field)
    for name, (_, field) in COUNTERS.items():
        assert of_shop(samples, f"{name}_total") == getattr(stats, field)
    for session in held:
        pool.put(session)


def test_times_are_histograms_whose_buckets_add_up(registry: CollectorRegistry, pool: Any, clock: Clock) -> None:
    """Two uses, of 0.02 and 3 s: a bucket holds what took at most as long, and the last one all."""
    for seconds in (0.02, 3.0):
        session = pool.get()
        clock.advance(seconds)
        pool.put(session)
    samples = scrape(registry)
    counts = [of_shop(samples, "pingpool_use_seconds_bucket", le=le) for le in ("0.01", "0.025", "2.5", "5.0", "+Inf")]
    assert counts == [0, 1, 1, 2, 2]
    assert of_shop(samples, "pingpool_use_seconds_count") == 2
    assert of_shop(samples, "pingpool_use_seconds_sum") == pytest.approx(3.02)
    for name, (_, field) in HISTOGRAMS.items():
        assert of_shop(samples, f"{name}_count") == getattr(pool.stats(), field).total


def test_what_was_replaced_is_told_by_reason(registry: CollectorRegistry, pool: Any) -> None:
    """A reason is a label, and appears once it has happened."""
    pool.discard(pool.get())
    assert of_shop(scrape(registry), "pingpool_replaced_total", reason="discarded") == 1


def test_several_pools_are_told_apart_by_their_names(pool: Any) -> None:
    """Each has its samples, and a closed one or a dropped one has none any more."""
    collector = PoolCollector(pool)
    registry = CollectorRegistry(auto_describe=True)
    registry.register(collector)
    jobs = pingpool.open(FaultyDatabase(), size=1, name="jobs")
    collector.add(jobs)
    assert {labels for name, labels in scrape(registry) if name == "pingpool_size"} == {
        (("pool", "shop"),),
        (("pool", "jobs"),),
    }
    with (
        pingpool.open(FaultyDatabase(), size=1, name="jobs") as twin,
        pytest.raises(ValueError, match="another pool of the name 'jobs'"),
    ):
        collector.add(twin)
    jobs.close()
    del jobs
    gc.collect()
    assert {labels for name, labels in scrape(registry) if name == "pingpool_size"} == {(("pool", "shop"),)}


def queries() -> list[str]:
    """Return what the dashboard asks, and the page about metrics recommends to ask, and to be warned of."""
    dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [each["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    page = (ROOT / "docs/metrics.md").read_text()
    recommended = re.findall(r"`([^`]*pingpool_[^`]*)`", page)
    alerts = re.findall(r"^ *expr: (.*)$", page, re.MULTILINE)
    return [*asked, *variables, *recommended, *alerts]


def test_what_is_asked_is_what_is_scraped(registry: CollectorRegistry, pool: Any) -> None:
    """Each metric of the dashboard and of the page is in the exposition, with the labels that are used."""
    pool.discard(pool.get())
    labels: dict[str, set[str]] = {}
    for name, pairs in scrape(registry):
        labels.setdefault(name, set()).update(label for label, _ in pairs)
    for family in HISTOGRAMS:
        labels[family] = set()  # as the table of the page calls it
    assert len(queries()) > 30
    for query in queries():
        for name, used in re.findall(r"(pingpool_\w+)(?:\{([^}]*)\})?", query):
            assert name in labels, query
            wanted = {part.strip() for part in re.sub(r'[=!~]*"[^"]*"', "", used).split(",") if part.strip()}
            assert wanted <= labels[name], query


def test_each_metric_stands_in_the_page() -> None:
    """The table of the page has them all, and its states are all states."""
    page = (ROOT / "docs/metrics.md").read_text()
    missing = [name for name in (*GAUGES, *(f"{name}_total" for name in COUNTERS), *HISTOGRAMS) if name not in page]
    assert not missing
    assert all(f"`{state}`" in page for state in STATES)


def test_the_exposition_is_openmetrics_too(registry: CollectorRegistry, pool: Any) -> None:
    """The stricter format is read by its own parser, which knows what a histogram must be."""
    pool.put(pool.get())
    families = {family.name: family.type for family in parse_openmetrics(generate_openmetrics(registry).decode())}
    assert families["pingpool_wait_seconds"] == "histogram"
    assert families["pingpool_timeouts"] == "counter"
