"""What to test with: a clock that is set by hand, a database that fails on demand, real servers, a faulty network.

The names here need only the standard library. Import `pingpool.testing.servers`, `.proxy` and `.spanner` by name; they
need the extra `servers`.
"""

from pingpool.pool.life import equip
from pingpool.testing.checks import assert_no_leaks, settle
from pingpool.testing.clock import Clock
from pingpool.testing.database import FaultyDatabase, TransactionalDatabase
from pingpool.testing.fake import FakeSession, Forbidden, Misplaced, SessionDied, Trouble
from pingpool.testing.fake_pool import FakePool
from pingpool.testing.opening import open

__all__ = [
    "Clock",
    "FakePool",
    "FakeSession",
    "FaultyDatabase",
    "Forbidden",
    "Misplaced",
    "SessionDied",
    "TransactionalDatabase",
    "Trouble",
    "assert_no_leaks",
    "equip",
    "open",
    "settle",
]
