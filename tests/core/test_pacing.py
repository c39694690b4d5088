"""How pings are laid out in time."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from pingpool.core.pacing import COARSE, EARLY, Pacing, start_of, tightest


def test_without_a_gap_each_session_is_due_at_its_own_age() -> None:
    """With a gap of 0 exactly those are due whose age has come."""
    pacing = Pacing(0.0)
    assert pacing.begin([0.0, 5.0, 9.0], 99.9, 100.0, 0.0) == 0
    assert pacing.begin([0.0, 5.0, 9.0], 100.0, 100.0, 0.0) == 1
    assert pacing.begin([0.0, 5.0, 9.0], 105.0, 100.0, 0.0) == 2
    assert pacing.begin([0.0, 0.0, 0.0], 100.0, 100.0, 0.0) == 3
    assert pacing.next_due([4.0, 5.0], 100.0, 0.0) == 104.0


def test_an_empty_queue_asks_for_nothing() -> None:
    """Where nothing is idle nothing is due, ever."""
    assert Pacing(0.0).begin([], 1e9, 100.0, 10.0) == 0
    assert Pacing(0.0).next_due([], 100.0, 10.0) == math.inf


def test_a_session_that_nobody_vouches_for_is_due_at_once() -> None:
    """A session without any proof of life is due whatever the gap, and does not make the others due."""
    assert Pacing(0.0).begin([-math.inf, 0.0], 1.0, 100.0, 10.0) == 1
    assert Pacing(0.0).begin([-math.inf, -math.inf, 0.0], 1.0, 100.0, 10.0) == 2
    assert Pacing(0.0).next_due([-math.inf, 0.0], 100.0, 10.0) == -math.inf


@pytest.mark.parametrize("count", [1, 2, 7, 100, 1000])
def test_a_fill_is_spread_over_the_interval(count: int) -> None:
    """Sessions that were made at one moment are pinged one by one, a gap apart, and none too late."""
    age = 90.0
    gap = age / count
    pacing = Pacing(0.0)
    queue = [0.0] * count
    pinged: list[tuple[float, float]] = []
    while len(pinged) < 3 * count:
        now = pacing.next_due(queue, age, gap)
        assert pacing.begin(queue, now, age, gap) == 1
        pinged.append((now, now - queue[0]))
        queue = [*queue[1:], now]
    gaps = [after - before for (before, _), (after, _) in pairwise(pinged)]
    assert min(gaps) == pytest.approx(gap)
    assert max(gaps) == pytest.approx(gap)
    assert max(how_old for _, how_old in pinged) <= age * 1.000001


def test_whatever_is_pinged_when_it_is_due_is_never_too_old() -> None:
    """From any sorted queue, pinging what is due when it is due lets no session grow older than its age."""
    chance = random.Random(7)
    for _ in range(300):
        size = chance.choice([1, 2, 3, 5, 9, 40, 150])
        age, now = 90.0, 0.0
        gap = age / size
        pacing = Pacing(0.0)
        queue = sorted(chance.uniform(-age, 0.0) for _ in range(chance.randint(1, size)))
        for _ in range(2 * size):
            now = max(now, pacing.next_due(queue, age, gap))
            many = pacing.begin(queue, now, age, gap)
            assert many >= 1
            assert all(now - proven_at <= age * 1.000001 for proven_at in queue)
            queue = [*queue[many:], *[now] * many]


@pytest.mark.parametrize("seed", range(20))
def test_a_crowd_is_pinged_without_a_burst(seed: int) -> None:
    """Wherever in the queue many were proven at one moment: but for a late start, no two less than a gap apart."""
    chance = random.Random(seed)
    size, age = 1000, 90.0
    gap = age / size
    crowd = [chance.uniform(-age / 9, 0.0) for _ in range(chance.randint(1, 5))]
    starts = [-age + gap * place for place in range(chance.randint(0, 100))]
    queue = sorted([*starts, *(chance.choice(crowd) for _ in range(700))])
    pacing, now = Pacing(0.0), 0.0
    times: list[float] = []
    while len(times) < 1500:
        now = max(now, pacing.next_due(queue, age, gap))
        assert now - queue[0] <= age * 1.000001
        many = pacing.begin(queue, now, age, gap)
        times += [now] * many
        queue = [*queue[many:], *[now] * many]
    assert min(after - before for before, after in pairwise(times[2:])) >= gap * 0.999


def pings(pacing: Pacing, proofs: Iterable[float], until: float, age: float) -> Iterator[float]:
    """Yield when sessions that were proven at these times are pinged, and again, up to a time."""
    queue = sorted(proofs)
    gap = age / len(queue)
    while (now := pacing.next_due(queue, age, gap)) <= until:
        many = pacing.begin(queue, now, age, gap)
        queue = [*queue[many:], *[now] * many]
        yield from [now] * many


@pytest.mark.parametrize("size", [1, 4, 10, 100])
@pytest.mark.parametrize("dies", [False, True])
def test_pools_that_are_filled_in_one_moment_do_not_ping_in_step(size: int, dies: bool) -> None:
    """Of a hundred pools hardly more pings than on average come in any tenth of a gap; after a common death too."""
    age, until = 90.0, 400.0
    counts: Counter[int] = Counter()
    for pool in range(100):
        pacing = Pacing((pool + 0.5) / 100)
        filled_at = 0.0
        if dies:
            assert list(pings(pacing, [0.0] * size, age, age))
            filled_at = age
        counts.update(int(10 * when * size / age) for when in pings(pacing, [filled_at] * size, until, age))
    assert counts.total() >= 100 * size * 3
    assert max(counts.values()) <= 1.3 * 10


@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_traffic_spares_the_pings_of_every_pool(size: int, chance: float) -> None:
    """Sessions that are all used within what is left of a gap are never pinged, however early their pool starts."""
    age = 90.0
    gap = age / size
    pacing = Pacing(chance)
    times = [step * gap / 30 for step in range(1000)]
    assert not any(pacing.begin([now - gap * (1 - EARLY) * 0.9] * size, now, age, gap) for now in times)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_who_starts_early_pings_no_more_often_for_that(chance: float) -> None:
    """From the first ping on each session is pinged once an age, in every pool."""
    times = list(pings(Pacing(chance), [0.0] * 10, 1000.0, 90.0))
    assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(9.0)


@pytest.mark.parametrize("seed", range(20))
def test_a_large_queue_is_hardly_read(seed: int) -> None:
    """The start is found in few looks, is never later than what every session demands, and hardly earlier."""
    chance = random.Random(seed)
    for size in (1, 10, 300, 20_000):
        age = 90.0
        gap = age / size
        many = chance.randint(1, size)
        spread = chance.choice([0.0, 1.0, age / 2, age])
        queue = Counted(sorted(chance.uniform(-spread, 0.0) for _ in range(many)))
        found = tightest(queue, age, gap, -math.inf)
        looks = queue.looks
        exact = min(start_of(proven_at, place, age, gap) for place, proven_at in enumerate(queue))
        assert exact - COARSE / 2 * age - 1e-9 <= found <= exact + 1e-9
        assert looks <= 600


class Counted(list[float]):
    """A list that counts how often it is asked for one of its figures."""

    looks = 0

    def __getitem__(self, place: int) -> float:  # type: ignore[override]
        """Return a figure."""
        self.looks += 1
        return super().__getitem__(place)


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_nothing_becomes_due_before_the_soonest(size: int, chance: float) -> None:
    """What is proven from now on, even all at once, asks for no ping before that; without a gap not before its age."""
    pacing = Pacing(chance)
    gap = 90.0 / size
    assert pacing.soonest(7.0, 90.0, gap) == pytest.approx(pacing.next_due([7.0] * size, 90.0, gap))
    assert pacing.soonest(7.0, 90.0, 0.0) == pacing.next_due([7.0] * size, 90.0, 0.0) == 97.0
