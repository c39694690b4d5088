"""The pools that metrics are collected from."""

from unittest.mock import PropertyMock, patch

import pytest

from pingpool import PingingPool
from pingpool.plugins.watched import Watched


def pool_named(name: str) -> PingingPool[object]:
    """Return a pool that nobody binds."""
    return PingingPool(1, name=name)


def test_a_pool_more_is_not_compared_with_all_others() -> None:
    """Where a process has thousands of pools, none of those with other names is asked for anything."""
    watched = Watched()
    pools = [pool_named(str(number)) for number in range(20)]
    with patch.object(PingingPool, "closed", new_callable=PropertyMock) as closed:
        for pool in pools:
            watched.add(pool)
        assert not closed.called


def test_a_name_is_free_again_once_its_pool_is_closed() -> None:
    """Of those that had it only the newest can be open; one that was added before may be added again."""
    watched = Watched()
    first, second, third = (pool_named("shop") for _ in range(3))
    watched.add(first)
    watched.add(first)
    first.close()
    watched.add(second)
    with pytest.raises(ValueError, match="another pool of the name"):
        watched.add(third)
    assert list(watched.open()) == [second]
