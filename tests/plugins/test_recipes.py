"""What the pages about frameworks print is an application that serves: its blocks are run, and it is called."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

import pingpool
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON
from tests.docs.pages import blocks_of

httpx = pytest.importorskip("httpx", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

ON_PAGE = "://shop@db/shop"
SIZE = 4

Ask: TypeAlias = Callable[[str], Awaitable[tuple[int, str, str | None]]]
"""Calls an application: a path, and its status, text and Retry-After."""


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """The address of a server that has a table of orders, with one order."""
    postgres_server.execute("CREATE TABLE IF NOT EXISTS orders (id serial, item text)")
    postgres_server.execute("TRUNCATE orders")
    postgres_server.execute("INSERT INTO orders (item) VALUES ('tea')")
    return postgres_server.url


def names_of(page: str, url: str, *, until: str) -> dict[str, Any]:
    """Return what the blocks of a page have made when one of them has defined a name."""
    names: dict[str, Any] = {"__name__": "__main__", "pingpool": pingpool}
    for block in blocks_of(page):
        code = re.sub(
            rf"\bsize={SIZE}",
            f"size={SIZE}, default_timeout=0.05",
            block.code.replace(ON_PAGE, url.removeprefix("postgresql")),
        )
        exec(compile("\n" * block.line + code, page, "exec"), names)
        if until in code:
            return names
    raise AssertionError(f"{page} has no {until!r}")


@asynccontextmanager
async def over_asgi(app: Any, lifespan: Any) -> AsyncIterator[Ask]:
    """Start an application, and give a way to call it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with lifespan, httpx.AsyncClient(transport=transport, base_url="http://app", timeout=SOON) as client:

        async def ask(path: str) -> tuple[int, str, str | None]:
            answer = await client.get(path)
            return answer.status_code, answer.text, answer.headers.get("Retry-After")

        yield ask


async def serves(ask: Ask, pool: Callable[[], Any]) -> None:
    """See that an application answers, and says 503 while all sessions are held."""
    assert await ask("/orders") == (200, "1", None)
    await of(pool().wait(SOON))
    held = [await of(pool().get()) for _ in range(SIZE)]
    status, text, retry_after = await ask("/orders")
    assert (status, retry_after) == (503, "5")
    assert ".py" not in text
    for session in held:
        await of(pool().put(session))
    assert await ask("/orders") == (200, "1", None)
    assert pool().stats().in_use == 0


async def of(result: Any) -> Any:
    """Return the result of a call in either world."""
    return await result if asyncio.iscoroutine(result) else result


@pytest.mark.parametrize(
    "until", ["def orders(connection: Session)", "async def orders(connection=", "count, connection"]
)
def test_fastapi(url: str, until: str) -> None:
    """Plain functions, coroutines, and Starlette alone."""
    pytest.importorskip("fastapi")
    names = names_of("docs/fastapi.md", url, until=until)

    async def main() -> None:
        app, sessions = names["app"], names["sessions"]
        async with over_asgi(app, app.router.lifespan_context(app)) as ask:
            await serves(ask, lambda: sessions.pool)

    asyncio.run(main())


def test_litestar(url: str) -> None:
    """The dependency gives its session back before the answer is there."""
    pytest.importorskip("litestar")
    names = names_of("docs/frameworks.md", url, until="Litestar(")

    async def main() -> None:
        app = names["app"]
        async with over_asgi(app, app.lifespan()) as ask:
            await serves(ask, lambda: app.state.pool)

    asyncio.run(main())


def test_aiohttp(url: str) -> None:
    """A real server of aiohttp, on a port of its own."""
    pytest.importorskip("aiohttp")
    pytest.importorskip("litestar", reason="the blocks of one page are run from its top")
    from aiohttp.test_utils import TestClient, TestServer

    names = names_of("docs/frameworks.md", url, until="count_orders)")

    async def main() -> None:
        async with TestClient(TestServer(names["server"])) as client:

            async def ask(path: str) -> tuple[int, str, str | None]:
                answer = await client.get(path)
                return answer.status, await answer.text(), answer.headers.get("Retry-After")

            await serves(ask, lambda: names["server"][names["POOL"]])

    asyncio.run(main())


def test_flask(url: str) -> None:
    """The application of the page, and the context of a command."""
    pytest.importorskip("flask")
    names = names_of("docs/flask.md", url, until="with app.app_context")
    client = names["app"].test_client()
    assert client.get("/orders").json == {"orders": 2}
    assert client.get("/ready").status_code == 200
    names["sessions"].close()
