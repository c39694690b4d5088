"""pingpool: a keep-alive session pool. Idle sessions are kept alive, dead ones replaced before anybody meets them."""

from pingpool.core.stats import Stats
from pingpool.database import Database
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
from pingpool.opening import open
from pingpool.threads.abstract import AbstractSessionPool
from pingpool.threads.pool import PingingPool

__version__ = "0.1.0"

__all__ = [
    "AbstractSessionPool",
    "AlreadyReturned",
    "BadSession",
    "BadURL",
    "BoundElsewhere",
    "CannotFill",
    "Database",
    "DatabaseRefuses",
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
    "open",
]
