"""What to test with: a clock that is told the time, a database that fails on demand, real servers, a faulty network.

The names here need nothing but the standard library. `pingpool.testing.servers`, `.proxy` and `.spanner` need the
extra `servers`, and are imported by their own names.
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
