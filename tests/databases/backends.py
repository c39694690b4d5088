"""Which connections a private server has of ours, and that they end."""

import gc
from collections.abc import Callable
from typing import TypeVar

from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.databases.waiting import until

T = TypeVar("T")

Server = PostgresServer | MariaDBServer


def opened_at(server: Server, call: Callable[[], T]) -> tuple[T, set[int]]:
    """Make a call; return what it returns, and the connections that it opened. Those of others may just be ending."""
    of_others = server.backends()
    result = call()
    return result, {*server.backends()}.difference(of_others)


def until_collected(server: Server, connections: set[int]) -> None:
    """Wait until the server has none of these any more, since nobody holds what opened them."""

    def are_gone() -> bool:
        gc.collect()
        return connections.isdisjoint(server.backends())

    until(are_gone)
