"""The options of a pool: their defaults, and what each may be."""

import math
from types import MappingProxyType

import pytest

from pingpool import PingingPool
from pingpool.options import MOST_WORKERS, checked_labels, count, default_workers, next_name, positive, seconds


@pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, 10**9, math.inf])
def test_seconds_are_any_number_from_0_up(value: float) -> None:
    """Whole, broken or infinite: what is a time to wait is taken as it is."""
    assert seconds("timeout", value) == value


@pytest.mark.parametrize("value", [0.001, 1, math.inf])
def test_positive_seconds_are_above_0(value: float) -> None:
    """A time in which something is to happen cannot be nothing."""
    positive("io_timeout", value)
    with pytest.raises(ValueError, match="io_timeout"):
        positive("io_timeout", value * 0 if value != math.inf else 0)


@pytest.mark.parametrize("value", [1, 2, 10**6])
def test_a_count_is_a_whole_number_from_1_up(value: int) -> None:
    """Pools may be as large as one likes."""
    count("size", value)


def test_labels_are_copied() -> None:
    """The pool's labels are its own: what becomes of the mapping it was given does not matter."""
    given = {"team": "shop"}
    labels = checked_labels(given)
    given.clear()
    assert labels == {"team": "shop"}
    assert isinstance(labels, MappingProxyType)


def test_no_labels_are_an_empty_mapping() -> None:
    """Whoever reads `labels` need not ask whether there are any."""
    assert checked_labels(None) == {}


def test_a_copy_of_a_pools_labels_makes_another_pool() -> None:
    """The labels of one pool can be given to the next as they are."""
    assert PingingPool(labels=PingingPool(labels={"team": "shop"}).labels).labels == {"team": "shop"}


def test_every_unnamed_pool_gets_a_new_name() -> None:
    """No two pools share a name unless they are told to."""
    assert len({next_name() for _ in range(10)}) == 10


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (MOST_WORKERS, MOST_WORKERS), (1000, MOST_WORKERS)])
def test_there_are_as_many_workers_as_sessions_up_to_a_limit(size: int, workers: int) -> None:
    """A small pool does everything side by side; a large one starts no crowd of threads."""
    assert default_workers(size) == workers
