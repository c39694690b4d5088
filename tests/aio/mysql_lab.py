"""What the tests of aiomysql share: sessions, what is run in them, and a cancel at any place where one waits."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from pingpool.databases.mysql import AsyncMySQL
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PrivateServer
from tests.databases.waiting import SOON

ProxyFor = Callable[[PrivateServer], FaultProxy]

PLAIN = "?ssl_disabled=true"


async def run(session: Any, statement: str) -> Any:
    """Run a statement and return its first row."""
    async with session.cursor() as cursor:
        await cursor.execute(statement)
        return await cursor.fetchone()


async def connect(mysql: AsyncMySQL) -> Any:
    """Open a session."""
    return await mysql.create(labels={}, timeout=SOON)


async def soon(happens: Callable[[], bool]) -> None:
    """Wait, while the loop goes on, for what the server or the loop does in its own time."""
    async with asyncio.timeout(SOON):
        while not await asyncio.to_thread(happens):
            await asyncio.sleep(0.002)  # nothing tells when a server has done it


class CancelledAt:
    """A coroutine during which its task is cancelled, the n-th time that it waits."""

    def __init__(self, n: int, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.steps_left = n
        self.coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        go_on: Callable[[], Any] = partial(self.coroutine.send, None)
        while True:
            try:
                awaited = go_on()
            except StopIteration as end:
                return end.value
            self.steps_left -= 1
            task = asyncio.current_task()
            if self.steps_left == 0 and task is not None:
                task.cancel()
            try:
                yield awaited
                go_on = partial(self.coroutine.send, None)
            except BaseException as thrown:
                go_on = partial(self.coroutine.throw, thrown)
