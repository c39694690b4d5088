"""Where the bank is: which database, how accounts are stored there, how far away it is, how sessions are killed.

By default an SQLite file in a folder of its own, made as slow as a server across a network.
"""

import secrets
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple
from urllib.parse import urlsplit

from pingpool.cli.accounts import Accounts
from pingpool.cli.redis_accounts import RedisAccounts
from pingpool.cli.sql_accounts import SQLAccounts
from pingpool.database import Database, S
from pingpool.databases.sqlite import SQLite
from pingpool.errors import BadURL
from pingpool.schemes import database_of


class Distance(NamedTuple):
    """Seconds that are added to opening a session, and to a ping or a reset."""

    handshake: float = 0.0
    round_trip: float = 0.0


AT_HAND = Distance()
AS_OVER_A_NETWORK = Distance(handshake=0.04, round_trip=0.01)

MARKS = {"sqlite": "?", "postgresql": "%s", "postgres": "%s", "mysql": "%s", "mariadb": "%s"}
"""The parameter marker for each scheme with PEP 249 connections."""

REDIS = ("redis", "rediss", "valkey", "valkeys")
"""The schemes with connections of redis-py or valkey-py."""


@dataclass(frozen=True, slots=True)
class Venue(Generic[S]):
    """A place for the bank.

    `accounts_on` returns the accounts on a session. `kill` ends a session that is not inside a call, as a server or a
    firewall would.
    """

    database: Database[S]
    accounts_on: Callable[[S], Accounts]
    kill: Callable[[S], None]
    distance: Distance = AT_HAND


@contextmanager
def embedded() -> Generator[Venue[Any]]:
    """Offer a place that is removed after the block."""
    with tempfile.TemporaryDirectory(prefix="pingpool-demo-") as folder:
        database = SQLite(Path(folder) / "bank.db", busy_timeout=30)
        yield Venue(database, SQLAccounts, partial(database.delete, timeout=1), AS_OVER_A_NETWORK)


def named(url: str) -> Venue[Any]:
    """Return the place that a URL names.

    Raises:
        BadURL: it names none, or none for a bank.
        ImportError: the driver is not installed.
    """
    scheme = url.partition(":")[0].lower()
    if scheme not in (*MARKS, *REDIS):
        raise BadURL(f"the bank needs a URL that begins with one of {', '.join((*MARKS, *REDIS))}")
    if scheme == "sqlite" and urlsplit(url).path in ("", "/", "/:memory:"):
        raise BadURL("the bank needs a file: in a shared memory one session's lock is an error for the others")
    database = database_of(url)
    name = f"pingpool_demo_{secrets.token_hex(4)}"
    if scheme in REDIS:
        return Venue(database, partial(RedisAccounts, prefix=name), database.abort)
    accounts_on = partial(SQLAccounts, table=name, mark=MARKS[scheme])
    if scheme == "sqlite":
        return Venue(database, accounts_on, partial(database.delete, timeout=1))
    return Venue(database, accounts_on, database.abort)  # ends the stream on our side, which takes no privilege
