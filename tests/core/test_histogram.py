"""How long things took, as counts by duration."""

import sys

from pingpool.core.histogram import BOUNDS, Buckets, Histogram
from pingpool.core.orders import Verdict
from pingpool.core.stats import snapshot

from .by_hand import Pool

MOST_BYTES = 2000
"""What the counts of a pool may cost."""


def test_each_duration_is_counted_in_one_bucket() -> None:
    """A bound belongs to its bucket, and what is longer than every bound has one of its own."""
    buckets = Buckets()
    for seconds in (0.0, 0.001, 0.0011, 10.0, 11.0):
        buckets.note(seconds)
    found = buckets.histogram(buckets.noted)
    assert (found.counts[0], found.counts[1], found.counts[-2], found.counts[-1]) == (2, 1, 1, 1)
    assert len(found.counts) == len(found.bounds) + 1
    assert found.sum == sum((0.0, 0.001, 0.0011, 10.0, 11.0))
    assert found.total == 5


def test_what_nobody_counted_was_short() -> None:
    """The first bucket holds whatever is missing in the total, and is never less than empty."""
    buckets = Buckets()
    buckets.note(1.0)
    assert buckets.histogram(10).counts[0] == 9
    assert buckets.histogram(0).counts[0] == 0


def test_the_usual_is_a_bound() -> None:
    """A share of all took at most one of the bounds; infinity if that share took longer than every bound."""
    found = Histogram(BOUNDS, (98, *[0] * 8, 1, 0, 0, 0, 1), 12.0)
    assert [found.at_most(share) for share in (0.5, 0.99, 1.0)] == [0.001, 1.0, float("inf")]


def test_the_counts_of_a_pool_cost_little() -> None:
    """Waits, uses and creations together stay below two kilobytes, whatever they have counted."""
    made = [Buckets() for _ in range(3)]
    size = 0
    for buckets in made:
        buckets.counts = [10**8 + number for number in range(len(buckets.counts))]
        parts = [buckets, buckets.counts, buckets.seconds, *buckets.counts]
        size += sum(sys.getsizeof(part) for part in parts)
    assert size <= MOST_BYTES


def test_uses_are_counted_however_they_end() -> None:
    """A use counts when its session has come back: by the fast way, by a verdict, or for another one."""
    pool = Pool(4)
    pool.fill()
    sessions = [pool.lend(1.0) for _ in range(4)]
    assert snapshot(pool.ledger).uses.total == 0
    pool.ledger.check_in(sessions[0], 1.0)
    pool.ledger.check_in(sessions[1], 1.3)
    pool.ledger.take_back(sessions[2], Verdict.TAINTED, 3.0)
    uses = snapshot(pool.ledger).uses
    assert [(bound, count) for bound, count in zip(uses.bounds, uses.counts, strict=False) if count] == [
        (0.001, 1),
        (0.5, 1),
        (2.5, 1),
    ]
    assert abs(uses.sum - 2.3) < 1e-9
    pool.ledger.adopt(pool.session(), sessions[3], 21.0)
    assert snapshot(pool.ledger).uses.counts[-1] == 1


def test_a_use_that_never_ended_is_not_counted() -> None:
    """A session that its holder dropped did not come back: nobody knows how long it was used."""
    pool = Pool(1)
    pool.fill()
    pool.lend(1.0)
    assert pool.ledger.tick(2.0) != []
    assert (snapshot(pool.ledger).leaked, snapshot(pool.ledger).uses.total) == (1, 0)


def test_waits_are_counted_however_they_end() -> None:
    """Served at once, served later, or not at all: each is a wait."""
    pool = Pool(1)
    pool.fill()
    session = pool.lend(1.0)
    served, late = pool.ask(1.0), pool.ask(1.0)
    pool.ledger.check_in(session, 1.2)
    pool.ledger.abandon(late, 6.0)
    waits = snapshot(pool.ledger).waits
    assert served.session is session
    assert [(bound, count) for bound, count in zip(waits.bounds, waits.counts, strict=False) if count] == [
        (0.001, 1),
        (0.25, 1),
        (5.0, 1),
    ]
