"""Whose turn it is among many pools that one thread keeps alive: by hand, without the thread."""

import math
import random

from pingpool.testing import Clock
from pingpool.threads.keeper import Bell, Keepers


class Pool:
    """Something to look at."""

    def look(self) -> float | None:
        """Want no further look."""
        return None


def test_the_pool_whose_turn_it_is_is_found_as_by_a_look_at_all() -> None:
    """Whatever time each was given last, also one before the time that it had, as when its bell is rung."""
    chance, pool = random.Random(1), Pool()
    keepers = Keepers(Clock())
    bells = [Bell(keepers, pool.look) for _ in range(20)]
    for bell in bells:
        keepers._look_at(bell, -math.inf)
    for _ in range(1000):
        keepers._look_at(chance.choice(bells), chance.choice([-math.inf, chance.random()]))
        when, bell = keepers._next()
        assert (when, keepers._looks[bell]) == (min(keepers._looks.values()), when)


def test_a_bell_that_is_rung_often_leaves_little_behind() -> None:
    """However often a pool is looked at before its time, the agenda is no longer than twice the pools."""
    pool, keepers = Pool(), Keepers(Clock())
    bells = [Bell(keepers, pool.look) for _ in range(5)]
    for bell in bells:
        keepers._look_at(bell, 9.0)
    for _ in range(1000):
        keepers._look_at(bells[0], -math.inf)
        keepers._look_at(bells[0], 9.0)
        assert len(keepers._agenda) <= 10
