"""The outages: each opens a pool on a private PostgreSQL, lets callers use it, and makes trouble.

It returns what happened, use by use, and undoes what it did to the server.
"""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.outage_callers import Callers, Pool, Use, use_once
from bench.outage_contender import Open
from pingpool.schemes import database_of
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer, PrivateServer

SIZE = 4
CALLERS = 8
PAUSE = 0.05
"""Seconds that a caller rests after each use."""

LONGEST_BURST = 3.0
"""Seconds after which a burst ends early."""

CROWDING = 0.3
"""Seconds that others take to fill a server."""

RELIEF = 2.0
"""Seconds that callers go on after the cause is gone."""


@dataclass
class Story:
    """What happened in one scene to one pool. Times are those of `time.monotonic`."""

    began: float
    uses: list[Use]
    since: float = 0.0
    """When the trouble began."""

    healed: float = 0.0
    """When its cause was gone."""

    connects: list[float] = field(default_factory=list)
    """When connections to the server were tried in between, where a proxy noted it."""

    hanging: int = 0
    """How many callers still hung at the end."""

    def strike(self) -> None:
        self.since = time.monotonic()

    def heal(self) -> None:
        self.healed = time.monotonic()


@contextmanager
def private_server(room: int = 20) -> Generator[PostgresServer]:
    """Start a server with a password and so many connections."""
    settings = {"max_connections": room, "superuser_reserved_connections": 0, "max_wal_senders": 0}
    with PostgresServer(password="right", settings=settings) as server:
        yield server


def idle(open_pool: Open, server: PrivateServer, bursts: int = 5) -> Story:
    """(a) The server drops sessions that are idle for 2 s; bursts of 40 checkouts come after pauses of 3 s.

    Each session asks PostgreSQL for that; for other servers it is a setting.
    """
    impatience = "?options=-c%20idle_session_timeout%3D2000" if isinstance(server, PostgresServer) else ""
    with closing(open_pool(server.url + impatience, SIZE, 5.0)) as pool:
        story = Story(time.monotonic(), [])
        for _ in range(bursts):
            time.sleep(3.0)
            story.strike()
            story.heal()
            until = time.monotonic() + LONGEST_BURST
            for number in range(40):
                if time.monotonic() < until:
                    story.uses.append(use_once(pool, who=number % CALLERS))
    return story


def restart(open_pool: Open, server: PrivateServer, down: float = 2.0) -> Story:
    """(b) The server is killed and is back after two seconds."""
    with closing(open_pool(server.url, SIZE, 5.0)) as pool, calling(pool) as story:
        server.stop()
        story.strike()
        time.sleep(down)
        server.start()
        story.heal()
    return story


def frozen_backend(open_pool: Open, server: PostgresServer, length: float = 6.0) -> Story:
    """(c) The backend of one session is frozen for six seconds."""
    with closing(open_pool(server.url, SIZE, 5.0)) as pool, calling(pool) as story:
        server.pause(server.backends()[0])
        story.strike()
        time.sleep(length)
        server.resume()
        story.heal()
    return story


def terminated(open_pool: Open, server: PrivateServer) -> Story:
    """(d) All backends are terminated at once."""
    with closing(open_pool(server.url, SIZE, 5.0)) as pool, calling(pool) as story:
        story.strike()
        server.terminate_backends()
        story.heal()
    return story


def frozen_server(open_pool: Open, server: PrivateServer, length: float = 4.0) -> Story:
    """(e) The whole server is frozen for four seconds; a checkout may take one."""
    with closing(open_pool(server.url, SIZE, 1.0)) as pool, calling(pool) as story:
        if isinstance(server, PostgresServer):  # which has a process for each session
            for backend in server.backends():
                server.pause(backend)
        server.pause()
        story.strike()
        time.sleep(length)
        server.resume()
        story.heal()
    return story


def black_hole(open_pool: Open, server: PrivateServer, length: float = 4.0) -> Story:
    """(f) The network swallows everything for four seconds; a checkout may take one."""
    with FaultProxy(server.host, server.port) as proxy, closing(
        open_pool(server.url_at(proxy.port), SIZE, 1.0)
    ) as pool, calling(pool) as story:  # fmt: skip
        proxy.freeze()
        story.strike()
        time.sleep(length)
        proxy.thaw()
        story.heal()
    return story


def crowded(open_pool: Open, server: PrivateServer, length: float = 4.0) -> Story:
    """(g) Half of the sessions are lost, and others have taken all connections of the server."""
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(server.host, server.port))
        pool = stack.enter_context(closing(open_pool(server.url_at(proxy.port), SIZE, 5.0)))
        connects = stack.enter_context(connects_of(proxy))
        story = stack.enter_context(calling(pool))
        proxy.refuse()
        proxy.cut(SIZE // 2)
        with others_on(server):
            story.strike()
            proxy.accept()
            time.sleep(length)
        story.heal()
    story.connects = [when for when in connects if story.since < when < story.healed]
    return story


def wrong_password(open_pool: Open, server: PrivateServer, length: float = 4.0) -> Story:
    """(h) The password is changed and all sessions end; four seconds later it is changed back."""
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(server.host, server.port))
        url = server.url_at(proxy.port)
        pool = stack.enter_context(closing(open_pool(url, SIZE, 5.0)))
        connects = stack.enter_context(connects_of(proxy))
        story = stack.enter_context(calling(pool))
        server.set_password("another")
        stack.callback(server.set_password, "right")
        server.terminate_backends()
        story.strike()
        time.sleep(length)
        server.set_password("right")
        story.heal()
    story.connects = [when for when in connects if story.since < when < story.healed]
    return story


SCENES: dict[str, Callable[[Open, PostgresServer], Story]] = {
    "a idle kill": idle,
    "b restart": restart,
    "c frozen backend": frozen_backend,
    "d terminated": terminated,
    "e frozen server": frozen_server,
    "f black hole": black_hole,
    "g crowded": crowded,
    "h wrong password": wrong_password,
}


def extra_round_trips(open_pool: Open, server: PrivateServer, checkouts: int = 200) -> float:
    """Return the round trips of a checkout beyond its statement, counted by a proxy."""
    with FaultProxy(server.host, server.port) as proxy, closing(
        open_pool(server.url_at(proxy.port), SIZE, 5.0)
    ) as pool:  # fmt: skip
        for number in range(SIZE):
            use_once(pool, f"SELECT {number}")
        before = proxy.round_trips
        for number in range(checkouts):
            use_once(pool, f"SELECT {number}")  # never the same: psycopg prepares what it sees often
        return (proxy.round_trips - before) / checkouts - 1


# What scenes share


@contextmanager
def closing(pool: Pool) -> Generator[Pool]:
    """Close the pool, in a thread of its own: some wait for calls that hang."""
    try:
        yield pool
    finally:
        farewell = threading.Thread(target=pool.close, daemon=True)
        farewell.start()
        farewell.join(5.0)


@contextmanager
def calling(pool: Pool) -> Generator[Story]:
    """Let callers use the pool, from half a second before the block until `RELIEF` seconds after it."""
    callers = Callers(pool, CALLERS, pause=PAUSE)
    story = Story(time.monotonic(), callers.uses)
    callers.start()
    time.sleep(0.5)
    try:
        yield story
        time.sleep(RELIEF)
    finally:
        story.hanging = callers.stop()


@contextmanager
def connects_of(proxy: FaultProxy) -> Generator[Sequence[float]]:
    seen: list[float] = []
    done = threading.Event()

    def note_connects() -> None:
        known = proxy.accepted
        while not done.wait(0.005):
            now = proxy.accepted
            seen.extend([time.monotonic()] * (now - known))
            known = now

    noting = threading.Thread(target=note_connects, daemon=True)
    noting.start()
    try:
        yield seen
    finally:
        done.set()
        noting.join()


@contextmanager
def others_on(server: PrivateServer) -> Generator[None]:
    """Have others take every connection of the server, also those that it frees soon."""
    database = database_of(server.url)
    with ExitStack() as others:
        until = time.monotonic() + CROWDING
        while time.monotonic() < until:
            try:
                session = database.create(labels={}, timeout=5.0)
            except Exception:  # it is full, and each driver says so in its own way
                time.sleep(0.005)
            else:
                others.callback(database.delete, session, timeout=5.0)
        yield
