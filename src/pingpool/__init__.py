"""pingpool: a keep-alive session pool. Idle sessions are kept alive, dead ones replaced before anybody meets them."""

from typing import TYPE_CHECKING, Any

from pingpool.core.histogram import Histogram
from pingpool.core.stats import Stats
from pingpool.database import AsyncDatabase, Database, Meaning
from pingpool.errors import CannotFill, PoolClosed, PoolError, PoolTimeout
from pingpool.observer import CallerObserver, Observer
from pingpool.opening import open, open_async
from pingpool.options import PoolOptions
from pingpool.pool.holders import Holder
from pingpool.threads.abstract import AbstractSessionPool
from pingpool.threads.pool import PingingPool

if TYPE_CHECKING:
    from pingpool.aio.abstract import AbstractAsyncSessionPool
    from pingpool.aio.pool import AsyncPingingPool

__version__ = "0.1.0"

__all__ = [
    # Pools.
    "PingingPool",
    "AsyncPingingPool",
    "AbstractSessionPool",
    "AbstractAsyncSessionPool",
    "open",
    "open_async",
    "PoolOptions",
    "Stats",
    "Histogram",
    "Holder",
    "Observer",
    "CallerObserver",
    # Databases.
    "Database",
    "AsyncDatabase",
    "Meaning",
    # What people catch; all other errors are in `pingpool.errors`.
    "PoolError",
    "PoolTimeout",
    "PoolClosed",
    "CannotFill",
]

_ASYNC = {
    "AbstractAsyncSessionPool": "pingpool.aio.abstract",
    "AsyncPingingPool": "pingpool.aio.pool",
}
"""The names that come from the world of asyncio, which is imported when one of them is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _ASYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ASYNC[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
