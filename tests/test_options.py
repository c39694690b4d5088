"""The options of a pool: their defaults, and what each may be."""

import math
from types import MappingProxyType
from typing import Any

import pytest

from pingpool import AsyncPingingPool, PingingPool
from pingpool.options import MoreOptions, Options, PoolOptions, options_from, seconds


def options(size: int = 10, **given: Any) -> Options:
    """The options of a pool of the default kind."""
    return options_from(size, 10, 3000, None, given, most_workers=16)


@pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, 10**9, math.inf])
def test_seconds_are_any_number_from_0_up(value: float) -> None:
    """Whole, broken or infinite: what is a time to wait is taken as it is."""
    assert seconds("timeout", value) == value


@pytest.mark.parametrize("option", ["max_lifetime", "max_waiters"])
def test_no_limit_is_none(option: str) -> None:
    """None is the one way to say "no limit", and the default; infinity is refused, with what to write instead."""
    given: dict[str, Any] = {option: None}
    assert getattr(options(**given), option) == getattr(options(), option) == math.inf
    given[option] = math.inf
    with pytest.raises(ValueError, match=f"{option}: no limit is None"):
        options(**given)


@pytest.mark.parametrize(("fill", "error"), [("lasy", ValueError), ("", ValueError), (True, TypeError), (0, TypeError)])
def test_a_pool_is_filled_in_one_of_two_ways(fill: Any, error: type[Exception]) -> None:
    """What is neither "eager" nor "lazy" is refused, and the error says what there is."""
    assert (options().fill, options(fill="lazy").fill) == ("eager", "lazy")
    with pytest.raises(error, match='fill must be "eager" or "lazy"'):
        options(fill=fill)


def test_an_unknown_option_is_refused_by_name() -> None:
    """A typo costs nothing but an error, which lists what there is."""
    with pytest.raises(TypeError, match=r"no option max_liftime; it has .*max_lifetime"):
        PingingPool(max_liftime=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_every_option_by_name_is_one_of_the_pool() -> None:
    """What the types offer is what the pool takes: an option is added in two places, and both agree."""
    assert MoreOptions.__annotations__.keys() < set(Options._fields)
    assert set(Options._fields) == PoolOptions.__annotations__.keys()


def test_labels_are_copied() -> None:
    """The pool's labels are its own: what becomes of the mapping it was given does not matter."""
    given = {"team": "shop"}
    labels = PingingPool(labels=given).labels
    given.clear()
    assert labels == {"team": "shop"}
    assert isinstance(labels, MappingProxyType)


def test_no_labels_are_an_empty_mapping() -> None:
    """Whoever reads `labels` need not ask whether there are any."""
    assert PingingPool().labels == {}


def test_a_copy_of_a_pools_labels_makes_another_pool() -> None:
    """The labels of one pool can be given to the next as they are."""
    assert PingingPool(labels=PingingPool(labels={"team": "shop"}).labels).labels == {"team": "shop"}


def test_every_unnamed_pool_gets_a_new_name() -> None:
    """No two pools share a name unless they are told to."""
    assert len({PingingPool().name for _ in range(10)}) == 10


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (16, 16), (1000, 16)])
def test_there_are_as_many_workers_as_sessions_up_to_a_limit(size: int, workers: int) -> None:
    """A small pool does everything side by side; a large one starts no crowd of threads."""
    assert options(size).workers == workers


@pytest.mark.parametrize("kind", [PingingPool, AsyncPingingPool])
def test_a_pool_is_neither_copied_nor_pickled(kind: type[PingingPool[Any] | AsyncPingingPool[Any]]) -> None:
    """A copy would close the sessions of the original when it is dropped; the error says what to do instead."""
    import copy
    import pickle

    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled: share the pool itself"):
            attempt(kind())


def test_a_name_that_cannot_be_printed_is_escaped() -> None:
    """It stands in logs, errors and the terminal's title, and must neither end a line nor move the cursor."""
    assert PingingPool(name="shop\n\x1b[2Jé").name == "shop\\n\\x1b[2Jé"
