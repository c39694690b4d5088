"""How pings are laid out in time."""

import math
import random
from itertools import pairwise

import pytest

from pingpool.core.pacing import due, next_due


def test_without_a_gap_each_session_is_due_at_its_own_age() -> None:
    """With a gap of 0 exactly those are due whose age has come."""
    assert due([0.0, 5.0, 9.0], 99.9, 100.0, 0.0) == 0
    assert due([0.0, 5.0, 9.0], 100.0, 100.0, 0.0) == 1
    assert due([0.0, 5.0, 9.0], 105.0, 100.0, 0.0) == 2
    assert due([0.0, 0.0, 0.0], 100.0, 100.0, 0.0) == 3


def test_an_empty_queue_asks_for_nothing() -> None:
    """Where nothing is idle nothing is due, ever."""
    assert due([], 1e9, 100.0, 10.0) == 0
    assert next_due([], 100.0, 10.0) == math.inf


def test_a_session_that_nobody_vouches_for_is_due_at_once() -> None:
    """A session without any proof of life is due whatever the gap, and does not make the others due."""
    assert due([-math.inf, 0.0], 1.0, 100.0, 10.0) == 1
    assert due([-math.inf, -math.inf, 0.0], 1.0, 100.0, 10.0) == 2
    assert next_due([-math.inf, 0.0], 100.0, 10.0) == -math.inf


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_a_fill_is_spread_over_the_interval(count: int) -> None:
    """Sessions that were made at one moment are pinged one by one, a gap apart, and none too late."""
    age = 90.0
    gap = age / count
    queue = [0.0] * count
    pinged: list[tuple[float, float]] = []
    while len(pinged) < 3 * count:
        now = next_due(queue, age, gap)
        many = due(queue, now, age, gap)
        assert many == 1
        pinged.append((now, now - queue[0]))
        queue = [*queue[1:], now]
    times = [time for time, _ in pinged]
    assert min(after - before for before, after in pairwise(times)) == pytest.approx(gap)
    assert max(how_old for _, how_old in pinged) <= age * 1.000001


def test_whatever_is_pinged_when_it_is_due_is_never_too_old() -> None:
    """From any sorted queue, pinging what is due when it is due lets no session grow older than its age."""
    chance = random.Random(7)
    for _ in range(300):
        size = chance.randint(1, 9)
        age, now = 90.0, 0.0
        gap = age / size
        queue = sorted(chance.uniform(-age, 0.0) for _ in range(size))
        for _ in range(4 * size):
            now = max(now, next_due(queue, age, gap))
            many = due(queue, now, age, gap)
            assert many >= 1
            assert all(now - proven_at <= age * 1.000001 for proven_at in queue)
            queue = [*queue[many:], *[now] * many]
