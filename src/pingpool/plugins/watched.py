"""The pools that metrics are collected from, held weakly: nobody has to say that a pool is gone."""

import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

from pingpool.pool.life import Life

Pool: TypeAlias = Life[Any, Any]
"""A pool of either world."""


class Watched:
    """Pools that have different names, since a name is all that tells their figures apart."""

    def __init__(self) -> None:
        self._pools: weakref.WeakSet[Pool] = weakref.WeakSet()
        self._newest: weakref.WeakValueDictionary[str, Pool] = weakref.WeakValueDictionary()  # by name

    def add(self, pool: Pool) -> None:
        """Collect from this pool until it is closed or dropped.

        Raises:
            ValueError: another pool of this name is open.
        """
        newest = self._newest.get(pool.name, pool)
        if newest is not pool and not newest.closed:
            raise ValueError(f"there is another pool of the name {pool.name!r}: give each its own, by name=…")
        self._pools.add(pool)
        self._newest[pool.name] = pool

    def open(self) -> Iterator[Pool]:
        """Yield those that are open."""
        return (pool for pool in list(self._pools) if not pool.closed)

    def all(self) -> list[Pool]:
        """Return those that somebody still has, closed or not."""
        return list(self._pools)
