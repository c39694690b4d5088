"""OpenTelemetry: the spans that the real SDK exports of callers who waited for long."""

import asyncio
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import Any

import pytest

import pingpool
from pingpool import PoolTimeout
from pingpool.databases.in_threads import InThreads
from pingpool.testing import FaultyDatabase
from tests.contract.world import World
from tests.contract.worlds import WORLDS

pytest.importorskip("opentelemetry.sdk", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from pingpool.plugins.opentelemetry import LongWaits

NAME = "db.client.connection.pool.name"


class Sdk:
    """The real SDK, with an exporter that keeps what is sent."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> Any:
        """The spans that have ended."""
        return self.exporter.get_finished_spans()


@pytest.fixture
def sdk() -> Any:
    """An SDK of the test's own."""
    sdk = Sdk()
    yield sdk
    sdk.provider.shutdown()


def live(world: type[World], story: Callable[[World], Awaitable[None]]) -> None:
    """Have this happen in a world."""

    async def happen() -> None:
        async with world() as made:
            await story(made)

    asyncio.run(happen())


@pytest.mark.parametrize("world", WORLDS)
def test_a_wait_beyond_the_bound_is_a_span(world: type[World], sdk: Sdk) -> None:
    """Waits of 0 and 1 s have none; one of 3 s has one of that length."""

    async def story(world: World) -> None:
        pool = await world.open(size=1, name="shop", observer=LongWaits(2, tracer_provider=sdk.provider))
        for seconds in (1, 3):
            session = await pool.get()
            (waiting,) = await world.line_up(pool, 5)
            await world.advance(seconds)
            await pool.put(session)
            del session
            await pool.put(await waiting)
        (span,) = sdk.spans
        assert (span.name, span.kind, dict(span.attributes)) == ("pingpool.wait", SpanKind.INTERNAL, {NAME: "shop"})
        assert span.end_time - span.start_time == 3_000_000_000
        assert span.end_time <= time_ns()
        assert (span.parent, span.status.status_code) == (None, StatusCode.UNSET)

    live(world, story)


def test_the_span_is_of_the_trace_of_whoever_waited(sdk: Sdk) -> None:
    """In threads and in asyncio it is a child of the span that was current where `get` was called."""
    requests = sdk.provider.get_tracer("shop")
    observer = LongWaits(0.01, tracer_provider=sdk.provider)

    async def wait_in_vain() -> None:
        async with pingpool.open_async(InThreads(FaultyDatabase()), size=1, observer=observer) as pool:
            held = await pool.get()
            with requests.start_as_current_span("another request"), pytest.raises(PoolTimeout):
                await pool.get(0.05)
            await pool.put(held)

    with pingpool.open(FaultyDatabase(), size=1, observer=observer) as pool:
        held = pool.get()
        with requests.start_as_current_span("a request"), pytest.raises(PoolTimeout):
            pool.get(0.05)
        pool.put(held)
    asyncio.run(wait_in_vain())
    names = {span.context.span_id: span.name for span in sdk.spans}
    waits = [span for span in sdk.spans if span.name == "pingpool.wait"]
    assert [names[span.parent.span_id] for span in waits] == ["a request", "another request"]


@pytest.mark.parametrize("world", WORLDS)
def test_a_wait_in_vain_is_an_error(world: type[World], sdk: Sdk) -> None:
    """It has the same name, and says that there was no session; one that gives up soon has no span."""

    async def story(world: World) -> None:
        pool = await world.open(size=1, name="shop", observer=LongWaits(2, tracer_provider=sdk.provider))
        session = await pool.get()
        for patience in (1, 4):
            (waiting,) = await world.line_up(pool, patience)
            await world.advance(patience)
            with pytest.raises(PoolTimeout):
                await waiting
        (span,) = sdk.spans
        assert span.end_time - span.start_time == 4_000_000_000
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no session")
        await pool.put(session)

    live(world, story)


def test_sessions_that_are_no_connections_have_names_of_ours(sdk: Sdk) -> None:
    """As the metrics do; what makes no sense is refused."""
    LongWaits(0, tracer_provider=sdk.provider, convention="pingpool").acquired("mail", object(), 0.5)
    assert dict(sdk.spans[0].attributes) == {"pingpool.pool.name": "mail"}
    with pytest.raises(ValueError, match=r"1\.27, pingpool"):
        LongWaits(1, convention="0.1")
    with pytest.raises(ValueError, match="got -1"):
        LongWaits(-1)
