"""What a pool has counted is read from a file: its `stats()` as JSON, or a scrape."""

import json
from collections.abc import Iterator

import pytest

import pingpool
from pingpool.telemetry.counters import Counters, Unreadable, counters_in
from pingpool.testing import Clock, FaultyDatabase, equip


@pytest.fixture
def clock() -> Clock:
    """A clock that is set by hand."""
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Iterator[pingpool.PingingPool]:
    """A pool called shop, with a use of 20 ms and one of 2 s behind it."""
    pool = equip(pingpool.PingingPool(3, name="shop"), clock=clock)
    pool.bind(FaultyDatabase())
    for held in (0.02, 2.0):
        use(pool, clock, held)
    yield pool
    pool.close()


def use(pool: pingpool.PingingPool, clock: Clock, held: float) -> None:
    """Hold a session for so many seconds."""
    session = pool.get()
    clock.advance(held)
    pool.put(session)


def as_json(pool: pingpool.PingingPool) -> str:
    """Return the statistics as the help of the command says."""
    return json.dumps(pool.stats()._asdict(), default=dict)


def counters_of(pool: pingpool.PingingPool) -> Counters:
    """Return what is to be read."""
    stats = pool.stats()
    return Counters(stats.size, stats.waits, stats.uses)


def scraped(*pools: pingpool.PingingPool) -> str:
    """Return what Prometheus would get."""
    prometheus = pytest.importorskip("prometheus_client", reason="needs: pip install 'pingpool[prometheus]'")
    from pingpool.plugins.prometheus import PoolCollector

    registry = prometheus.CollectorRegistry()
    registry.register(PoolCollector(*pools))
    return str(prometheus.generate_latest(registry).decode())


def test_the_statistics_are_read_as_they_were(pool: pingpool.PingingPool) -> None:
    """JSON of `stats()` gives the same size, waits and uses."""
    assert counters_in(as_json(pool)) == counters_of(pool)


def test_a_scrape_is_read_as_the_pool_counted(pool: pingpool.PingingPool) -> None:
    """The cumulative buckets of Prometheus become the pool's own counts again, also beside what others export."""
    other = 'other_total{pool="shop"} 3.0\npython_info{version="3"} 1.0\n'
    assert counters_in(other + scraped(pool)) == counters_of(pool)


def test_labels_of_others_do_no_harm(pool: pingpool.PingingPool) -> None:
    """A Prometheus that was asked for its samples adds labels of its own, before and after."""
    federated = scraped(pool).replace('pool="shop"', 'instance="web:1",job="a, \\"b\\"",pool="shop",zone="x"')
    assert counters_in(federated) == counters_of(pool)


def test_of_several_pools_one_is_named(pool: pingpool.PingingPool, clock: Clock) -> None:
    """Where there are several they are listed, until one is named; a slip is answered with the nearest."""
    jobs = equip(pingpool.PingingPool(5, name="jobs"), clock=clock)
    jobs.bind(FaultyDatabase())
    text = scraped(pool, jobs)
    jobs.close()
    assert counters_in(text, "jobs").size == 5
    with pytest.raises(Unreadable, match="2 pools: name one of jobs, shop"):
        counters_in(text)
    with pytest.raises(Unreadable, match="'shpo'; there is shop"):
        counters_in(text, "shpo")


def test_between_two_files_only_what_is_new_counts(pool: pingpool.PingingPool, clock: Clock) -> None:
    """The difference of two readings is what happened in between."""
    before = counters_in(as_json(pool))
    use(pool, clock, 0.5)
    since = counters_in(as_json(pool)).since(before)
    assert (since.uses.total, since.uses.sum) == (1, pytest.approx(0.5))
    with pytest.raises(Unreadable, match="went back"):
        before.since(counters_in(as_json(pool)))


def test_other_buckets_are_not_compared(pool: pingpool.PingingPool) -> None:
    """Counters with other bounds belong to another version: their difference would mean nothing."""
    counted = counters_of(pool)
    other = counted._replace(uses=counted.uses._replace(bounds=(1.0,), counts=(1, 1)))
    with pytest.raises(Unreadable, match="different buckets"):
        counted.since(other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no counters"),
        ("hello\n", "no counters"),
        ("{", "JSON, but not of stats"),
        ('{"size": 4}', "KeyError: 'waits'"),
        ('{"size": 4, "waits": 1, "uses": 2}', "TypeError"),
        ('pingpool_size{pool="shop"} 4.0\n', "without pingpool_wait_seconds_sum"),
    ],
)
def test_what_holds_no_counters_is_refused(text: str, why: str) -> None:
    """A file that holds none, or only a part, is refused with the reason."""
    with pytest.raises(Unreadable, match=why):
        counters_in(text)
