"""A hundred pools in one process: what a server that was away for a minute meets when it comes back."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

import pingpool
from pingpool.databases.redis import Redis
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import run
from pingpool.testing.servers import ValkeyServer
from pingpool.testing.skipping import skipped_if_missing

POOLS, IDLE_POOLS, SIZE = 100, 200, 10

AT_MOST = 4
"""Attempts to connect a second that a pool may make on a server that is there."""

GENTLY = 2
"""The same of pools that nobody waits for, when the server has just come back."""

KNOCKS = 10
"""Attempts a second that a pool may make where nobody listens, while somebody waits."""

INTERVAL = 5.0
DOWN = 60.0

CONNECTING = 0.02
"""Seconds that opening a session takes, on virtual time."""


class Server(AsyncFaultyDatabase):
    """A server on virtual time that is away and comes back; it notes every attempt to connect."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.attempts: list[float] = []
        self.now_connecting = 0
        self.most_at_once = 0

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        self.attempts.append(asyncio.get_running_loop().time())
        if self.is_away:
            raise ConnectionRefusedError
        self.now_connecting += 1
        self.most_at_once = max(self.most_at_once, self.now_connecting)
        await asyncio.sleep(CONNECTING)
        self.now_connecting -= 1
        return await super().create(labels=labels, timeout=timeout)

    async def be_away(self, seconds: float) -> None:
        """Lose every session and refuse new ones for so long."""
        self.is_away = True
        self.kill_all()
        await asyncio.sleep(seconds)
        self.is_away = False
        self.most_at_once = 0

    def most_attempts(self, since: float, until: float, length: float) -> int:
        """Return the most attempts that were made in any part of that length."""
        counts = Counter(int((when - since) / length) for when in self.attempts if since <= when < until)
        return max(counts.values(), default=0)


async def live_through_an_outage(
    server: Server, count: int, *, callers: int, down: float
) -> tuple[float, float, float]:
    """Let so many pools, each with so many callers, live without a server for a while.

    Returns when the server went, when it was back, and when every pool was whole again.
    """
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()

    async def call(pool: pingpool.AsyncPingingPool[FakeSession]) -> None:
        while not is_over.is_set():
            try:
                async with pool.session(1.0) as session:
                    await asyncio.sleep(0.005)
                    session.use()
            except Exception:  # what callers meet in an outage is shown elsewhere
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)

    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(
                pingpool.open_async(server, size=SIZE, ping_interval=INTERVAL, wait_for=None)
            )
            for _ in range(count)
        ]
        calls = [asyncio.create_task(call(pool)) for pool in pools for _ in range(callers)]
        await asyncio.sleep(3)
        went = loop.time()
        await server.be_away(down)
        back = loop.time()
        while any(pool.stats().idle + pool.stats().in_use < SIZE for pool in pools):
            await asyncio.sleep(0.05)
        whole = loop.time()
        is_over.set()
        await asyncio.gather(*calls)
    return went, back, whole


@pytest.mark.parametrize("down", [25.0, DOWN])
def test_idle_pools_come_back_one_by_one(down: float) -> None:
    """Nobody waits: while the server is away each pool asks ever more rarely, and its return brings no burst.

    Two hundred pools are whole again within ten seconds, at fewer than two connects a second each.
    """
    server = Server()
    went, back, whole = run(live_through_an_outage(server, IDLE_POOLS, callers=0, down=down))
    peak = server.most_attempts(back, whole, 1.0)
    sys.stdout.write(f"\naway {down:g} s; whole in {whole - back:.1f} s, {peak / IDLE_POOLS} connects a second each\n")
    assert server.most_attempts(went, back, 1.0) <= AT_MOST * IDLE_POOLS
    assert server.most_attempts(back - 10, back, 1.0) < IDLE_POOLS, "by then they have become patient"
    assert peak < GENTLY * IDLE_POOLS
    assert server.most_at_once <= IDLE_POOLS
    assert whole - back < 10


@pytest.mark.parametrize("down", [0.5, 2.0, 8.0])
def test_idle_pools_are_whole_at_once_after_a_restart(down: float) -> None:
    """A server that was away for less than ten seconds is asked about every half second, and then opens all.

    So each pool is whole in less than a second, though nobody waits; or once pings have found who died.
    """
    server = Server()
    went, back, whole = run(live_through_an_outage(server, IDLE_POOLS, callers=0, down=down))
    knocks = server.most_attempts(went + 1, back, 1.0)
    sys.stdout.write(f"\naway {down:g} s; whole in {whole - back:.2f} s, {knocks / IDLE_POOLS} knocks a second each\n")
    assert knocks <= GENTLY * IDLE_POOLS
    assert len([when for when in server.attempts if when >= back]) == IDLE_POOLS * SIZE
    assert whole < max(back, went + INTERVAL) + 1


def test_busy_pools_do_not_trample_a_server_that_comes_back() -> None:
    """Four callers wait in each pool: no pool knocks more than ten times a second, and none connects twice too often.

    A thousand sessions are back within a second and a half; never are more than a third of them opened side by side.
    """
    server = Server()
    went, back, whole = run(live_through_an_outage(server, POOLS, callers=4, down=DOWN))
    assert server.most_attempts(went, back, 1.0) <= KNOCKS * POOLS
    assert whole - back < 1.5
    assert len([when for when in server.attempts if when >= back]) == POOLS * SIZE
    assert server.most_at_once <= POOLS * SIZE / 3


class Counted(Redis):
    """Notes when somebody tries to connect, and when it worked."""

    def __init__(self, server: ValkeyServer) -> None:
        """Connect to the server."""
        super().__init__(server.host, server.port)
        self.tried: list[float] = []
        self.made: list[float] = []

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect, and take notes."""
        self.tried.append(time.monotonic())
        session = super().create(labels=labels, timeout=timeout)
        self.made.append(time.monotonic())
        return session


def most_a_second(times: Iterable[float], since: float) -> int:
    """Return the most of these times in one second from then on."""
    return max(Counter(int(when - since) for when in times if when >= since).values())


@pytest.mark.proof
@pytest.mark.server
@pytest.mark.timeout(300)
def test_a_real_server_that_comes_back_is_not_trampled() -> None:
    """A hundred pools of ten: no more connects than four a second each while the server is away, and two afterwards.

    All thousand sessions are there again a few seconds after the longest pause of a pool that nobody waits for.
    """
    with skipped_if_missing():
        server = ValkeyServer(password="", settings={"maxclients": 2 * POOLS * SIZE})
    with server, ExitStack() as stack:
        database = Counted(server)
        pools = [
            stack.enter_context(pingpool.open(database, size=SIZE, ping_interval=INTERVAL, workers=1, wait_for=None))
            for _ in range(POOLS)
        ]
        server.stop()
        stopped = time.monotonic()
        time.sleep(DOWN)
        server.start()
        back = time.monotonic()
        while any(pool.stats().idle < SIZE for pool in pools):
            assert time.monotonic() < back + 60
            time.sleep(0.1)
    assert most_a_second(database.tried, stopped) <= AT_MOST * POOLS
    assert most_a_second(database.tried, back) < GENTLY * POOLS
