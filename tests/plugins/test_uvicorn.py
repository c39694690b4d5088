"""FastAPI behind a real uvicorn, called over HTTP, on a private PostgreSQL that restarts meanwhile."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until

pytest.importorskip("fastapi", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
pytest.importorskip("uvicorn", reason="the tests of the programs need: pip install 'pingpool[workers]'")
import httpx
import uvicorn
from fastapi import Depends, FastAPI

from pingpool.plugins.starlette import ANSWERS, Sessions

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application by uvicorn in a thread, and give its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(SOON)


async def statuses(address: str, requests: int) -> Counter[int]:
    """Return how often a server gave which answer, to so many requests at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=SOON, limits=limits) as client:
        answers = await asyncio.gather(*(client.get("/") for _ in range(requests)))
    return Counter(answer.status_code for answer in answers)


def test_all_are_answered_also_after_the_server_was_restarted(postgres_server: PostgresServer) -> None:
    """A hundred requests at once on four sessions: 200 each, before and after the death of all sessions."""
    sessions = Sessions(postgres_server.url, size=4, default_timeout=SOON)
    app = FastAPI(lifespan=sessions.lifespan, exception_handlers=ANSWERS)

    @app.get("/")
    def one(connection: Any = Depends(sessions)) -> Any:
        return connection.execute("SELECT 1").fetchone()[0]

    with served(app) as address:
        assert asyncio.run(statuses(address, 100)) == {200: 100}
        postgres_server.restart()
        assert asyncio.run(statuses(address, 100)) == {200: 100}
        pool = sessions.pool
    assert pool.closed
