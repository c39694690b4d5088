"""FastAPI and Starlette: a real application, called over ASGI, on a private PostgreSQL."""

import asyncio
import functools
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

import pingpool
from pingpool.testing import FaultyDatabase
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until_in_asyncio

pytest.importorskip("fastapi", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
import httpx
from fastapi import Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pingpool.plugins.starlette import ANSWERS, RETRY_AFTER, AsyncSessions, Sessions
from pingpool.plugins.starlette.place import Place, of_endpoint
from pingpool.plugins.starlette.waiting import Visit

pytest_plugins = ["pingpool.testing.fixtures"]

REQUESTS = 100
"""More than the 40 threads that anyio has for endpoints."""

SIZE = 4

HERE = Place(__file__, 1, "here")


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Start an application, and give a client for it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app", timeout=SOON) as client,
    ):
        yield client


async def statuses(app: Any, path: str = "/", requests: int = REQUESTS) -> Counter[int]:
    """Return how often an application gave which answer, to so many requests at once."""
    async with running(app) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(requests)))
    return Counter(answer.status_code for answer in answers)


def application(sessions: Sessions[Any]) -> FastAPI:
    """Return an application whose endpoints are plain functions."""
    app = FastAPI(lifespan=sessions.lifespan, exception_handlers=ANSWERS)

    @app.get("/")
    def one(connection: Any = Depends(sessions)) -> Any:
        return connection.execute("SELECT 1").fetchone()[0]

    return app


@pytest.mark.server
def test_a_hundred_requests_on_four_sessions_are_all_answered(postgres_server: PostgresServer) -> None:
    """Endpoints that are plain functions go on while many more than there are threads wait for a session."""
    sessions = Sessions(postgres_server.url, size=SIZE, default_timeout=SOON)
    assert asyncio.run(statuses(application(sessions))) == {200: REQUESTS}


@pytest.mark.server
def test_the_usual_idiom_jams(postgres_server: PostgresServer) -> None:
    """Waiters in the endpoints' own threads keep the holders from finishing, until their time is up."""
    app = FastAPI()

    def session() -> Iterator[Any]:
        with pool.session() as connection:
            yield connection

    @app.get("/")
    def one(connection: Any = Depends(session)) -> Any:
        return connection.execute("SELECT 1").fetchone()[0]

    with pingpool.open(postgres_server.url, size=SIZE, wait_for=None, default_timeout=1) as pool:
        answers = asyncio.run(statuses(app))
    assert answers[500] > SIZE


@pytest.mark.server
def test_coroutines_are_served_by_a_pool_for_asyncio(postgres_server: PostgresServer) -> None:
    """The same words serve endpoints that are coroutine functions."""
    sessions = AsyncSessions(postgres_server.url, size=SIZE, default_timeout=SOON)
    app = FastAPI(lifespan=sessions.lifespan)

    @app.get("/")
    async def one(connection: Any = Depends(sessions)) -> Any:
        return (await (await connection.execute("SELECT 1")).fetchone())[0]

    assert asyncio.run(statuses(app)) == {200: REQUESTS}


@pytest.mark.server
def test_a_readiness_probe_says_no_while_the_server_is_away(postgres_server: PostgresServer) -> None:
    """The route proves a session: 503 while the server is stopped, 200 once it runs again."""
    sessions = Sessions(postgres_server.url, size=1)
    app = application(sessions)
    app.add_route("/ready", sessions.ready)

    async def probe() -> None:
        async with running(app) as client:
            assert (await client.get("/ready")).status_code == 200
            postgres_server.stop()
            away = await client.get("/ready")
            assert (away.status_code, away.json()["ready"]) == (503, False)
            postgres_server.start()
            async with asyncio.timeout(SOON):
                while (await client.get("/ready")).status_code != 200:
                    pass

    asyncio.run(probe())


def exhausted(sessions: Any) -> FastAPI:
    """Return an application that nobody but this test gets a session in."""
    app = FastAPI(lifespan=sessions.lifespan, exception_handlers=ANSWERS)

    @app.get("/")
    async def one(session: Any = Depends(sessions)) -> None:
        raise AssertionError("there was none")

    return app


def test_no_session_in_time_is_503() -> None:
    """A client is told to come again, and nothing of the places in the code that the error names."""

    async def ask() -> httpx.Response:
        sessions = Sessions(FaultyDatabase(), size=1, default_timeout=0.01)
        async with running(exhausted(sessions)) as client, sessions.session():
            return await client.get("/")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))
    assert ".py" not in answer.text


def test_no_session_in_time_is_503_in_asyncio() -> None:
    """The same with a pool for asyncio."""

    async def ask() -> httpx.Response:
        sessions = AsyncSessions(AsyncFaultyDatabase(), size=1, default_timeout=0.01)
        async with running(exhausted(sessions)) as client, sessions.session():
            return await client.get("/")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))


def test_the_wait_for_a_thread_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not even come to wait in a thread is told so when its time is up."""
    monkeypatch.setattr("pingpool.plugins.starlette.waiting.MOST_THREADS", 1)

    async def ask() -> None:
        sessions = Sessions(FaultyDatabase(), size=1, default_timeout=0.05)
        async with running(exhausted(sessions)) as client, sessions.session():
            first, second = await asyncio.gather(client.get("/"), client.get("/"))
        assert (first.status_code, second.status_code) == (503, 503)

    asyncio.run(ask())


@pytest.mark.parametrize("kind", [Sessions, AsyncSessions])
def test_without_waiting_an_idle_session_is_had_all_the_same(kind: Any) -> None:
    """A `default_timeout` of 0 is no time to wait, but enough for what is there."""
    sessions = kind(FaultyDatabase() if kind is Sessions else AsyncFaultyDatabase(), size=1, default_timeout=0)

    async def use() -> None:
        async with sessions.lifespan(None), sessions.session() as session:
            assert session.use() == 1
            with pytest.raises(pingpool.PoolTimeout):
                await sessions.session().__aenter__()

    asyncio.run(use())


def test_who_is_cancelled_while_waiting_takes_no_session_along() -> None:
    """The thread that waited for a cancelled request gives back what it gets."""

    async def cancel() -> None:
        sessions = Sessions(FaultyDatabase(), size=1, default_timeout=SOON)
        app = application(sessions)
        async with sessions.lifespan(app):
            pool = sessions.pool
            async with sessions.session():
                request = asyncio.ensure_future(enter(sessions))
                await until_in_asyncio(lambda: pool.stats().waiting == 1)
                request.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await request
            await until_in_asyncio(lambda: pool.stats().idle == 1)
            assert (pool.stats().leaked, dict(pool.stats().replaced)) == (0, {})

    asyncio.run(cancel())


async def enter(sessions: Sessions[Any]) -> None:
    """Wait for a session that never comes."""
    async with sessions.session():
        raise AssertionError("it was cancelled before")


@pytest.mark.parametrize(
    ("error", "status", "replaced"),
    [(None, 200, {}), (HTTPException(404), 404, {}), (SystemError("the session died"), 500, {"lost": 1})],
)
def test_what_ended_a_request_decides_over_its_session(
    error: Exception | None, status: int, replaced: dict[str, int]
) -> None:
    """The error of an endpoint reaches the pool, which judges it: a 404 costs nothing, a death the session."""
    sessions = Sessions(FaultyDatabase(), size=1)
    app = FastAPI(lifespan=sessions.lifespan)

    @app.get("/")
    def end(session: Any = Depends(sessions)) -> None:
        if isinstance(error, SystemError):
            session.is_alive = False
            session.use()
        if error is not None:
            raise error

    async def ask() -> None:
        async with running(app) as client:
            assert (await client.get("/")).status_code == status
            await until_in_asyncio(lambda: sessions.pool.stats().idle == 1)
            assert dict(sessions.pool.stats().replaced) == replaced

    asyncio.run(ask())


def test_an_endpoint_of_starlette_takes_a_block() -> None:
    """Starlette has no dependencies: an endpoint enters `sessions.session()`."""
    sessions = Sessions(FaultyDatabase(), size=1)

    async def number(request: Request) -> PlainTextResponse:
        async with sessions.session() as session:
            return PlainTextResponse(str(session.use()))

    app = Starlette(routes=[Route("/", number)], lifespan=sessions.lifespan, exception_handlers=ANSWERS)
    assert asyncio.run(statuses(app, requests=5)) == {200: 5}


def test_the_pool_lives_as_long_as_the_application() -> None:
    """Before the start and after the end there is no pool, and another start opens another one."""
    sessions = Sessions(FaultyDatabase(), size=1)

    async def live() -> pingpool.PingingPool[Any]:
        async with sessions.lifespan(None):
            return sessions.pool

    first, second = asyncio.run(live()), asyncio.run(live())
    assert first is not second
    assert (first.closed, second.closed) == (True, True)
    with pytest.raises(RuntimeError, match="outside the application's life"):
        assert sessions.pool


KINDS = [(Sessions, FaultyDatabase), (AsyncSessions, AsyncFaultyDatabase)]


@pytest.mark.parametrize(("kind", "database"), KINDS)
@pytest.mark.parametrize("ends_first", [0, 1])
def test_an_application_keeps_its_pool_when_another_one_ends(kind: Any, database: Any, ends_first: int) -> None:
    """One object may serve several, or one that was started twice: each has a pool as long as it runs."""
    sessions = kind(database(), size=1)
    app = FastAPI(lifespan=sessions.lifespan)
    app.add_route("/ready", sessions.ready)

    @app.get("/")
    async def use(session: Any = Depends(sessions)) -> None: ...

    async def ask() -> None:
        lives = [running(app), running(app)]
        clients = [await life.__aenter__() for life in lives]
        await lives[ends_first].__aexit__(None, None, None)
        for path in ("/", "/ready"):
            assert (await clients[1 - ends_first].get(path)).status_code == 200
        await lives[1 - ends_first].__aexit__(None, None, None)

    asyncio.run(ask())


@pytest.mark.parametrize(("kind", "database"), KINDS)
def test_an_application_has_the_pool_of_its_own_loop(kind: Any, database: Any) -> None:
    """Where one runs in another thread too, as a test client does, nobody gets a session of the other loop's pool."""
    sessions = kind(database(), size=1)

    async def use_both() -> None:
        with ThreadPoolExecutor(1) as another:
            async with sessions.lifespan(None):
                own = sessions.pool
                runner, life = asyncio.Runner(), sessions.lifespan(None)
                other = another.submit(runner.run, entered(life, sessions)).result(SOON)
                assert sessions.pool is own
                assert other is not own
                async with sessions.session() as session:
                    assert own.stats().in_use == session.use() == 1
                another.submit(runner.run, life.__aexit__(None, None, None)).result(SOON)
                another.submit(runner.close).result(SOON)

    asyncio.run(use_both())


async def entered(life: Any, sessions: Any) -> Any:
    """Start an application, and return the pool that its requests have."""
    await life.__aenter__()
    async with sessions.session():
        return sessions.pool


def test_a_session_goes_back_whether_it_comes_before_its_task_has_left_or_after() -> None:
    """Of the thread and the task exactly one puts it back."""
    with pingpool.open(FaultyDatabase(), size=1) as pool:
        early = Visit(pool, HERE, math.inf)
        early.get()
        early.leave()
        assert pool.stats().idle == 1
        late = Visit(pool, HERE, math.inf)
        late.leave()
        with pytest.raises(pingpool.PoolTimeout, match="is gone"):
            late.get()
        assert pool.stats().idle == 1


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_session_is_held_by_the_endpoint_or_by_the_line_of_the_block(kind: str) -> None:
    """The pool names the places in the application, not those in a framework."""
    sessions: Any = {
        "threads": Sessions(FaultyDatabase(), size=2),
        "asyncio": AsyncSessions(AsyncFaultyDatabase(), size=2),
    }[kind]
    app = FastAPI(lifespan=sessions.lifespan)

    @app.get("/")
    async def nested(session: Any = Depends(sessions)) -> list[str]:
        async with sessions.session():
            return [holder.place for holder in sessions.pool.holders()]

    async def places() -> set[str]:
        async with running(app) as client:
            return set((await client.get("/")).json())

    first = nested.__code__.co_firstlineno
    assert asyncio.run(places()) == {f"plugins/test_starlette.py:{first + line}" for line in (0, 2)}


class Endpoint:
    """An endpoint that is an object."""

    async def __call__(self) -> None:
        """Do nothing."""


def test_an_endpoint_may_be_anything_that_is_called() -> None:
    """A partial, and an object of a class; where none is known, the place is in the plug."""
    function = running.__wrapped__  # type: ignore[attr-defined]
    for endpoint, code in (
        (running, function.__code__),
        (functools.partial(function), function.__code__),
        (Endpoint(), Endpoint.__call__.__code__),
    ):
        place = of_endpoint(HTTPConnection({"type": "http", "endpoint": endpoint}))
        assert place == (__file__, code.co_firstlineno, code.co_qualname)
    assert of_endpoint(HTTPConnection({"type": "http"})).file.endswith("place.py")
