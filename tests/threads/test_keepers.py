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
        turn = keepers._agenda.first()
        assert turn is not None
        when, _, bell = turn
        assert (when, keepers._looks[bell]) == (min(keepers._looks.values()), when)
