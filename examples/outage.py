"""What demonstrations of frameworks share: clients that ask on, and a server that is killed and restarted meanwhile.

All ways to connect get the same requests, at the same time, on one private server. What the log of pingpool says stands
between the figures of each second.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from pingpool.testing.servers import PostgresServer

CLIENTS, PAUSE = 4, 0.02
"""So many for each way, and so many seconds between two requests of one."""

Ask: TypeAlias = Callable[[str], bool]
"""Makes a request in one of the ways; was it answered well?"""


class Clients:
    """They ask over and over again, a few in each way, until the block ends; then each of them leaves."""

    def __init__(self, ways: Mapping[str, str], ask: Ask, leave: Callable[[], None]) -> None:
        self._ask = ask
        self._leave = leave
        self._closing = threading.Event()
        self.seen: Counter[tuple[str, bool]] = Counter()
        """How many requests were answered well, or not, by way."""
        self.slowest: Counter[str] = Counter()
        """The longest that an answer took, in milliseconds."""
        self._threads = [threading.Thread(target=self._ask_on, args=(way,)) for way in ways for _ in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._closing.set()
        for each in self._threads:
            each.join()

    def _ask_on(self, way: str) -> None:
        while not self._closing.wait(PAUSE):
            began = time.monotonic()
            self.seen[way, self._ask(way)] += 1
            self.slowest[way] = max(self.slowest[way], round((time.monotonic() - began) * 1000))
        self._leave()


def play(server: PostgresServer, ways: Mapping[str, str], ask: Ask, leave: Callable[[], None] = lambda: None) -> None:
    """Play the outages to these ways, which have titles, and print what each second brought to the clients of each."""
    logging.basicConfig(format="      log: %(message).100s", stream=sys.stdout)
    logging.getLogger("pingpool").setLevel(logging.INFO)
    story = [
        ("all is well", lambda: None),
        ("all sessions are killed", server.terminate_backends),
        ("once more", server.terminate_backends),
        ("the server is stopped", server.stop),
        ("it is away", lambda: None),
        ("it is started again", server.start),
        ("all is well", lambda: None),
    ]
    print(f"requests answered + failed, {CLIENTS} clients for each:\n")
    print(line("", ways.values()))
    with Clients(ways, ask, leave) as clients:
        before = Counter(clients.seen)
        for what, happens in story:
            happens()
            time.sleep(1)
            now = Counter(clients.seen)
            print(line(what, (figures(now - before, way) for way in ways)))
            before = now
    print("\n" + line("in all", (figures(clients.seen, way) for way in ways)))
    print(line("the longest answer, ms", (str(clients.slowest[way]) for way in ways)))


def line(what: str, cells: Iterable[str]) -> str:
    """Return a line of the table."""
    return f"{what:30}" + "".join(f"{cell:>18}" for cell in cells)


def figures(seen: Counter[tuple[str, bool]], way: str) -> str:
    """Return how many requests were answered, and how many failed."""
    return f"{seen[way, True]} + {seen[way, False]}"
