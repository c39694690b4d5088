"""The sums of docs/sizing.md: what callers can expect of a size, and how many sessions a server has room for."""

import math
import random
from heapq import heapify, heapreplace

import pytest

from pingpool.telemetry.sizing import Load, Server, least_size, most_processes, prospect


def queue_of(load: Load, size: int, checkouts: int) -> list[float]:
    """Let callers come at random to so many sessions, first come, first served; return how long each waited."""
    chance = random.Random(16)
    free = [0.0] * size
    heapify(free)
    waits, now = [], 0.0
    for _ in range(checkouts):
        now += chance.expovariate(load.rate)
        begins = max(now, free[0])
        heapreplace(free, begins + chance.expovariate(1 / load.held))
        waits.append(begins - now)
    return sorted(waits)


@pytest.mark.parametrize(("in_use", "size"), [(0.5, 1), (2.0, 3), (3.0, 5), (8.0, 10)])
def test_the_sum_is_what_a_queue_does(in_use: float, size: int) -> None:
    """The share that waits, and the wait that one in a hundred exceeds, are those of callers who come at random."""
    load = Load(rate=in_use / 0.02, held=0.02)
    waits = queue_of(load, size, 100_000)
    expected = prospect(load, size)
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(expected.waiting, rel=0.1)
    assert waits[int(len(waits) * 0.99)] == pytest.approx(expected.longest, rel=0.2)


def test_the_wanted_wait_is_kept_by_the_least_size_that_keeps_it() -> None:
    """One session fewer, and more than one in a hundred waits longer."""
    load = Load(rate=150, held=0.02)
    size = least_size(load, 0.01)
    assert prospect(load, size).longest <= 0.01 < prospect(load, size - 1).longest


def test_too_few_sessions_never_keep_up() -> None:
    """With no more sessions than are in use on average the line grows without end."""
    assert prospect(Load(rate=100, held=0.02), 2) == (2, 1.0, math.inf)


def test_a_pool_that_nobody_uses_needs_one_session() -> None:
    """Without a checkout nobody waits, whatever the size."""
    assert least_size(Load(rate=0, held=0.02), 0.001) == 1


def test_a_crowd_is_reckoned_without_an_overflow() -> None:
    """A load of thousands of sessions needs a few in a hundred more."""
    assert 5_000 < least_size(Load(rate=500_000, held=0.01), 0.01) < 5_300


def test_the_room_is_shared_by_all_processes_of_a_deployment() -> None:
    """Old and new processes have a pool each while they run side by side; there is no half process, nor a session
    more than the server takes.
    """
    server = Server(max_connections=100, reserved=10, processes=3, surge=0.25)
    assert most_processes(3, 0.25) == 4
    assert (server.places, server.room) == (90, 22)
    assert server.sessions(server.room) <= server.places < server.sessions(server.room + 1)


def test_a_server_that_keeps_all_for_others_has_no_room() -> None:
    """Where nothing is left, the room is none, never less."""
    assert Server(max_connections=5, reserved=10, processes=1, surge=1).room == 0


def test_parts_of_a_surge_add_up() -> None:
    """A tenth of ten processes is one more, whatever a computer makes of 0.1."""
    assert most_processes(10, 0.1) == 11


@pytest.mark.parametrize("tenths", [1, 5, 7, 10, 13, 20, 30, 55, 100, 500])
def test_twice_as_many_and_two_more_are_enough(tenths: int) -> None:
    """The rule for those without a computer: at most three checkouts in a hundred find every session in use."""
    in_use = tenths / 10
    assert prospect(Load(in_use, 1.0), math.ceil(2 * in_use) + 2).waiting <= 0.03
