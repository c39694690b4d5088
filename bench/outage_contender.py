"""A contender: a kind of pool, and how it is opened."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec

from bench.outage_callers import Loan, Pool


@dataclass(frozen=True)
class Lender:
    """A pool, made of two functions."""

    use: Callable[[], AbstractContextManager[Loan]]
    close: Callable[[], object]


Open = Callable[[str, int, float], Pool]
"""Opens a pool: URL, size, seconds that a checkout may take."""


@dataclass(frozen=True)
class Contender:
    """A kind of pool: its module, and how it is opened."""

    name: str
    module: str
    open: Open

    @property
    def is_installed(self) -> bool:
        return find_spec(self.module) is not None
