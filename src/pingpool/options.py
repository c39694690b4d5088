"""The options of a pool: their units, and a clear error for what cannot be meant."""

import itertools
import math
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, TypedDict

Interval: TypeAlias = float | Literal["auto"]
"""A ping interval: seconds, or "auto" for one that the pool learns from what becomes of its sessions."""

MOST_WORKERS = 16

_numbers = itertools.count(1)


class PoolOptions(TypedDict, total=False):
    """The options of a pool, as `open` takes them by name; `PingingPool` says what each means."""

    size: int
    default_timeout: float | None
    ping_interval: Interval
    labels: Mapping[str, str] | None
    name: str | None
    max_lifetime: float
    max_waiters: float
    io_timeout: float
    workers: int | None


class Options(NamedTuple):
    """What is set once, when a pool is made. Times are seconds; `math.inf` means never."""

    size: int
    default_timeout: float | None
    ping_interval: Interval
    max_lifetime: float
    max_waiters: float
    io_timeout: float
    workers: int
    name: str

    def check(self) -> "Options":
        """Return these options if every one makes sense.

        Raises:
            TypeError: a value is of the wrong kind.
            ValueError: a value is out of range.
        """
        count("size", self.size)
        count("workers", self.workers)
        if self.default_timeout is not None:
            seconds("default_timeout", self.default_timeout)
        if isinstance(self.ping_interval, str) and self.ping_interval != "auto":
            raise TypeError(f'ping_interval must be a number of seconds, or "auto"; got {self.ping_interval!r}')
        if not isinstance(self.ping_interval, str):
            seconds("ping_interval", self.ping_interval)
        positive("max_lifetime", self.max_lifetime)
        positive("io_timeout", self.io_timeout)
        if isinstance(self.max_waiters, bool) or not isinstance(self.max_waiters, int | float):
            raise TypeError(f"max_waiters must be a whole number, or math.inf; got {self.max_waiters!r}")
        if self.max_waiters != math.inf and (self.max_waiters < 0 or not float(self.max_waiters).is_integer()):
            raise ValueError(f"max_waiters must be a whole number from 0 up, or math.inf; got {self.max_waiters!r}")
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string; got {self.name!r}")
        return self


def next_name() -> str:
    """Name a pool that was given no name."""
    return f"pool-{next(_numbers)}"


def default_workers(size: int) -> int:
    """Say how many calls to the database run side by side, if the user does not."""
    count("size", size)
    return min(size, MOST_WORKERS)


def is_int(value: object) -> bool:
    """Is this a whole number, and not a bool in its clothes?"""
    return isinstance(value, int) and not isinstance(value, bool)


def count(what: str, value: int) -> None:
    """Insist on a whole number from 1 up."""
    if not is_int(value):
        raise TypeError(f"{what} must be a whole number; got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1; got {value!r}")


def seconds(what: str, value: float) -> float:
    """Insist on a number of seconds from 0 up; waiting for ever is `math.inf`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} must be a number of seconds; got {value!r}")
    if not value >= 0:
        raise ValueError(f"{what} must be 0 or more seconds (math.inf waits for ever); got {value!r}")
    return value


def positive(what: str, value: float) -> None:
    """Insist on a number of seconds above 0."""
    if seconds(what, value) == 0:
        raise ValueError(f"{what} must be more than 0 seconds")


def checked_labels(labels: Mapping[str, str] | None) -> Mapping[str, str]:
    """Insist on a mapping from strings to strings, and keep a copy that nobody can change."""
    if labels is None:
        return MappingProxyType({})
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels must map strings to strings; got {labels!r}")
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"labels must map strings to strings; got {key!r}: {value!r}")
    return MappingProxyType(dict(labels))


def jitter() -> float:
    """Return a number from 0 to 1: the last digits of the clock are chance enough, and cost no import."""
    return time.perf_counter_ns() % 1009 / 1009
