"""The options of a pool: what each means, its unit, its default, and a clear error for what cannot be meant.

An option stands in two places, both here: in `MoreOptions` for those who write it, with its type and meaning; and in
`Options`, with its default and its check.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from itertools import count as counter
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypedDict, get_args

from pingpool.observer import Observer
from pingpool.text import escaped

Interval: TypeAlias = float | Literal["auto"]
"""A ping interval: seconds, or "auto" for one that the pool learns from what becomes of its sessions."""

Fill: TypeAlias = Literal["eager", "lazy"]
"""When sessions are opened: all at once, or on demand."""

MANY = 10**9
_numbers = counter(1)


NO_LIMIT_IS_NONE = ("max_lifetime", "max_waiters")


class MoreOptions(TypedDict, total=False):
    """All options but the four that the constructor of a pool names itself. All times are seconds."""

    name: str | None
    """What the pool is called in threads, tasks, logs and errors. By default `pool-1` and so on. What cannot be
    printed is escaped."""

    max_lifetime: float | None
    """Sessions are replaced at this age, each up to a tenth earlier so that they do not all go together. None: never.
    """

    max_waiters: int | None
    """So many callers may wait at a time; one more is refused at once. None: no limit."""

    io_timeout: float
    """How long one call to the database may take before its session is given up. 10 by default."""

    fill: Fill
    """"eager", the default, opens all sessions as soon as the pool is bound, and each anew that is lost. "lazy" opens
    one when somebody waits and no other can be had; it is kept alive as any other, and not given up for idleness."""

    observer: Observer | None
    """Who is told of what happens: see `pingpool.Observer`. By default nobody is, which costs nothing."""

    workers: int | None
    """How many calls to the database may run side by side. By default as many as there are sessions, and in threads
    at most 25."""


class PoolOptions(MoreOptions, total=False):
    """All options of a pool, as `pingpool.open` takes them by name."""

    size: int
    """How many sessions the pool holds. 10 by default."""

    default_timeout: float | None
    """How long `get()` waits for a session. 10 by default; None waits for ever."""

    ping_interval: Interval
    """A session that was neither used nor pinged for so long is proven before it is lent; with 0, always. "auto" starts
    with 30 seconds, learns which idle age the path survives, and stays below it. A pool that `pingpool.open` makes has
    "auto" by default, unless it is one of Cloud Spanner; any other has 3000."""

    labels: Mapping[str, str] | None
    """Strings by which the sessions can be recognised on the server."""


class Options(NamedTuple):
    """What is set once, when a pool is created. Inside, "no limit" is infinity."""

    size: int
    default_timeout: float | None
    ping_interval: Interval
    labels: Mapping[str, str]
    name: str
    workers: int
    max_lifetime: float = math.inf
    max_waiters: float = math.inf
    io_timeout: float = 10
    observer: Observer | None = None
    fill: Fill = "eager"

    def check(self) -> "Options":
        """Return these options if every one makes sense."""
        _count("size", self.size)
        _count("workers", self.workers)
        if self.default_timeout is not None:
            seconds("default_timeout", self.default_timeout)
        if isinstance(self.ping_interval, str) and self.ping_interval != "auto":
            raise TypeError(f'ping_interval must be a number of seconds, or "auto"; got {self.ping_interval!r}')
        if not isinstance(self.ping_interval, str):
            seconds("ping_interval", self.ping_interval)
        _positive("max_lifetime", self.max_lifetime)
        _positive("io_timeout", self.io_timeout)
        if self.max_waiters != math.inf and not is_int(self.max_waiters):
            raise TypeError(f"max_waiters must be a whole number, or None for no limit; got {self.max_waiters!r}")
        if self.max_waiters < 0:
            raise ValueError(f"max_waiters must be 0 or more; got {self.max_waiters!r}")
        if not isinstance(self.fill, str):
            raise TypeError(f'fill must be "eager" or "lazy"; got {self.fill!r}')
        if self.fill not in get_args(Fill):
            raise ValueError(f'fill must be "eager" or "lazy"; got {self.fill!r}')
        _check_name(self.name)
        if self.observer is not None and not isinstance(self.observer, Observer):
            raise TypeError(f"observer must be a pingpool.Observer; got {self.observer!r}")
        return self


def options_from(
    size: int,
    default_timeout: float | None,
    ping_interval: Interval,
    labels: Mapping[str, str] | None,
    given: Mapping[str, Any],
    *,
    most_workers: int = MANY,
) -> Options:
    """Return the options that a user means by the first four and those `given` by name.

    Raises:
        TypeError: an option is unknown, or of the wrong kind.
        ValueError: an option is out of range.
    """
    _count("size", size)
    if unknown := given.keys() - MoreOptions.__annotations__.keys():
        raise TypeError(f"a pool has no option {_listed(unknown)}; it has {_listed(PoolOptions.__annotations__)}")
    if unlimited := [name for name in NO_LIMIT_IS_NONE if given.get(name) == math.inf]:
        raise ValueError(f"{_listed(unlimited)}: no limit is None, not infinity")
    named: dict[str, Any] = {name: value for name, value in given.items() if value is not None or name == "io_timeout"}
    named.setdefault("name", f"pool-{next(_numbers)}")
    if isinstance(named["name"], str):
        named["name"] = escaped(named["name"])
    named.setdefault("workers", min(size, most_workers))
    four = (size, default_timeout, ping_interval, _checked_labels(labels))
    return Options(*four, **named).check()


def is_int(value: object) -> bool:
    """Is this a whole number, and not a bool?"""
    return isinstance(value, int) and not isinstance(value, bool)


NUMBERS: Final = (int, float)
"""Types that need no further look; each `get(timeout=…)` asks, so it has to be quick."""

LARGEST: Final = sys.float_info.max
"""A whole number beyond it cannot be added to a time."""


def seconds(what: str, value: float) -> float:
    """Return a number of seconds from 0 up, or raise; `math.inf` waits for ever."""
    if type(value) not in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{what} must be a number of seconds; got {value!r}")
    if not value >= 0:
        raise ValueError(f"{what} must be 0 or more seconds (math.inf waits for ever); got {value!r}")
    if LARGEST < value < math.inf:
        raise ValueError(f"{what} is a larger number than any float (math.inf waits for ever)")
    return value


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string; got {name!r}")
    if not name:
        raise ValueError("name must not be empty")


def _positive(what: str, value: float) -> None:
    if seconds(what, value) == 0:
        raise ValueError(f"{what} must be more than 0 seconds")


def _count(what: str, value: int) -> None:
    if not is_int(value):
        raise TypeError(f"{what} must be a whole number; got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1; got {value!r}")


def part_of(size: int, what: str, count: int) -> int:
    """Return how many of its sessions are meant, of a pool of this size, or raise."""
    if not is_int(count):
        raise TypeError(f"{what} must be a whole number, or None for all; got {count!r}")
    if not 0 <= count <= size:
        raise ValueError(f"{what} must be from 0 to the size of the pool, which is {size}; got {count!r}")
    return count


def _checked_labels(labels: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return a copy that nobody can change, of strings for strings, or raise."""
    if labels is None:
        return MappingProxyType({})
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels must map strings to strings; got {labels!r}")
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"labels must map strings to strings; got {key!r}: {value!r}")
    return MappingProxyType(dict(labels))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
