"""pingpool: a keep-alive session pool. Idle sessions are kept alive, dead ones replaced before anybody meets them."""

from typing import TYPE_CHECKING, Any

from pingpool.core.stats import Stats
from pingpool.database import AsyncDatabase, Database, Meaning
from pingpool.errors import (
    AlreadyReturned,
    BadSession,
    BadURL,
    BoundElsewhere,
    CannotFill,
    DatabaseRefuses,
    NotLent,
    Overrun,
    PoolClosed,
    PoolError,
    PoolFull,
    PoolTimeout,
    TooManyWaiters,
    UnknownScheme,
)
from pingpool.opening import open, open_async
from pingpool.threads.abstract import AbstractSessionPool
from pingpool.threads.pool import PingingPool

if TYPE_CHECKING:
    from pingpool.aio.abstract import AbstractAsyncSessionPool
    from pingpool.aio.errors import WrongLoop
    from pingpool.aio.pool import AsyncPingingPool

__version__ = "0.1.0"

__all__ = [
    "AbstractAsyncSessionPool",
    "AbstractSessionPool",
    "AlreadyReturned",
    "AsyncDatabase",
    "AsyncPingingPool",
    "BadSession",
    "BadURL",
    "BoundElsewhere",
    "CannotFill",
    "Database",
    "DatabaseRefuses",
    "Meaning",
    "NotLent",
    "Overrun",
    "PingingPool",
    "PoolClosed",
    "PoolError",
    "PoolFull",
    "PoolTimeout",
    "Stats",
    "TooManyWaiters",
    "UnknownScheme",
    "WrongLoop",
    "open",
    "open_async",
]

ASYNC = {
    "AbstractAsyncSessionPool": "pingpool.aio.abstract",
    "AsyncPingingPool": "pingpool.aio.pool",
    "WrongLoop": "pingpool.aio.errors",
}
"""The names that come from the world of asyncio, which is imported when one of them is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in ASYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(ASYNC[name]), name)
