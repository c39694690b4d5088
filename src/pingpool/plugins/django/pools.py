"""The pools of this process: one for all connections of an alias that are opened in the same way.

A wrapper of Django's belongs to a thread, or to a request. Its pool outlives it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pingpool.threads.late import LateLock
from pingpool.threads.pool import PingingPool

OPENED_BY: Final = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "AUTOCOMMIT", "CONN_MAX_AGE")
"""The settings that decide how a connection is opened, and how its pool lives."""


class Way(NamedTuple):
    """How connections are opened. Those that are opened in the same way have one pool."""

    kind: type[Any]
    alias: str
    time_zone: str | None
    settings: dict[str, Any]

    @property
    def place(self) -> tuple[Any, ...]:
        """Where the database is."""
        return place_in(self.settings)


def place_in(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return where the database of these settings is."""
    return tuple(settings[name] for name in ("HOST", "PORT", "NAME"))


def settings_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the settings that decide: Django's tests change theirs in place."""
    return {name: given[name] for name in OPENED_BY} | {"OPTIONS": {**given["OPTIONS"]}}


class Pools:
    """The pools that are open, each with the way in which its connections are opened."""

    def __init__(self) -> None:
        self._open: tuple[tuple[Way, PingingPool[Any]], ...] = ()
        self._opening = LateLock()

    def get(self, way: Way, make: Callable[[], PingingPool[Any]]) -> PingingPool[Any]:
        """Return the pool for this way; the first thread that asks makes it."""
        pool = self._found(way)
        if pool is None:
            with self._opening.lock:
                pool = self._found(way)
                if pool is None:
                    pool = make()
                    self._open = (*(each for each in self._open if not each[1].closed), (way, pool))
        return pool

    def _found(self, way: Way) -> PingingPool[Any] | None:
        return next((pool for known, pool in self._open if known == way and not pool.closed), None)

    def close(self, place: tuple[Any, ...]) -> None:
        """Close the pools of a database: what is idle now, and what is lent when it comes back."""
        with self._opening.lock:
            going = [pool for way, pool in self._open if way.place == place]
            self._open = tuple(each for each in self._open if each[0].place != place)
        for each in going:
            each.close()


POOLS: Final = Pools()
