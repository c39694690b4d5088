"""The spans and events that the drop-in makes on request, beside those of Google's pool in the same story.

OpenTelemetry is the real SDK, with an exporter that keeps what is sent.
"""

import asyncio
import queue
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import import_module
from inspect import isawaitable
from typing import Any, TypeAlias

import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")
pytest.importorskip("opentelemetry.sdk", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")

import grpc
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, use_span

from pingpool.databases.spanner import ClientSpans
from pingpool.databases.spanner.versions import MAKES_SPANS, TRACES_PINGS, UNMEASURED
from pingpool.testing import equip
from tests.databases.spanner_lab import OURS, UPSTREAM, Lab, lab_for
from tests.databases.waiting import until_in_asyncio

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not MAKES_SPANS, reason="the pool of this client makes no spans"),
]

BY_CHANCE = (
    "session.id",
    "session.name",
    "time.elapsed",
    "x_goog_spanner_request_id",
    "exception.message",
    "exception.stacktrace",
)
"""What is another in each run: of these only the type is compared."""


class Sdk:
    """The real SDK; what it exports is compared by `told`."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.options = {"tracer_provider": self.provider, "enable_extended_tracing": True}

    def inside(self, request: str) -> Any:
        """A span of the user's own."""
        return self.provider.get_tracer("user").start_as_current_span(request)

    @property
    def spans(self) -> list[Any]:
        """The spans that have ended."""
        return list(self.exporter.get_finished_spans())

    def told(self) -> Counter[str]:
        """Each span: its name, kind, parent, status, attributes and events."""
        names = {span.context.span_id: span.name for span in self.spans}
        return Counter(repr(picture(span, names)) for span in self.spans)


def picture(span: Any, names: dict[int, str]) -> Any:
    """Return all of a span that does not differ by chance; events by name, for the pool's time is told."""
    parent = None if span.parent is None else names[span.parent.span_id]
    events = sorted((event.name, repr(facts(event.attributes))) for event in span.events)
    return span.name, span.kind.name, parent, span.status.status_code.name, facts(span.attributes), events


def facts(attributes: Any) -> list[tuple[str, Any]]:
    """Return attributes, in order; of what differs by chance the type."""
    return sorted((name, type(value) if name in BY_CHANCE else value) for name, value in attributes.items())


class Stage:
    """A pool of one make, bound by a client that exports to the SDK, and all that a story asks of it.

    What the pool answers is awaited if it has to be, so that a story is written once for both worlds.
    """

    def __init__(self, lab: Lab, sdk: Sdk, world: str) -> None:
        self.lab = lab
        self.sdk = sdk
        self.world = world
        self.pool: Any = None

    async def bind(self, size: int) -> None:
        """Make the pool, and have the client bind it."""
        observed: dict[str, Any] = {"observer": ClientSpans()} if self.lab.make == OURS else {}
        if self.world == "threads":
            self.pool = self.lab.pool(size, **observed)
            client: Any = self.lab.server.client(observability_options=self.sdk.options)
        else:
            self.pool = await_pool(self.lab, size, observed)
            client = await_client(self.lab, self.sdk)
        await done(client.instance("i").database("d", pool=self.pool))

    async def get(self, **timeout: float) -> Any:
        """Check a session out."""
        return await done(self.pool.get(**timeout))

    async def use(self) -> None:
        """Check a session out and in."""
        await done(self.pool.put(await self.get()))

    async def close(self) -> None:
        """Close a pool of ours for asyncio; the lab sees to those for threads."""
        if self.world == "asyncio" and self.lab.make == OURS:
            await self.pool.close(0)


def await_pool(lab: Lab, size: int, observed: dict[str, Any]) -> Any:
    """Return a pool for asyncio that lives by the lab's clock."""
    if lab.make == UPSTREAM:
        return import_module("google.cloud.spanner_v1._async.pool").PingingPool(size)
    aio, told = import_module("pingpool.databases.spanner.aio"), import_module("tests.databases.spanner_aio_lab")
    return equip(aio.AsyncPingingPool(size, **observed), clock=told.ToldTime(lab.clock))


def await_client(lab: Lab, sdk: Sdk) -> Any:
    """Return the client's `AsyncClient` for the server of the lab."""
    anonymous: Any = AnonymousCredentials
    where = {"api_endpoint": lab.server.address}
    client = import_module("google.cloud.spanner_v1._async.client").Client
    return client("p", anonymous(), client_options=where, observability_options=sdk.options, **UNMEASURED)


async def done(answer: Any) -> Any:
    """Return what comes of a call in either world."""
    return await answer if isawaitable(answer) else answer


Story: TypeAlias = Callable[[Stage], Awaitable[None]]


async def fills(stage: Stage) -> None:
    """The pool is filled."""
    await stage.bind(3)


async def lends(stage: Stage) -> None:
    """A session is lent and put back, in a request."""
    await stage.bind(1)
    with stage.sdk.inside("request"):
        await stage.use()


async def has_none(stage: Stage) -> None:
    """A caller gets none."""
    await stage.bind(1)
    held = await stage.get()
    with stage.sdk.inside("request"), pytest.raises((queue.Empty, asyncio.QueueEmpty)):
        await stage.get(timeout=0)
    await done(stage.pool.put(held))


async def looks_up(stage: Stage) -> None:
    """An overdue session is looked up for a caller."""
    await stage.bind(1)
    stage.lab.advance(3001)
    await stage.use()


async def pings(stage: Stage) -> None:
    """An overdue session is pinged."""
    await stage.bind(1)
    stage.lab.advance(3001)
    await done(stage.pool.ping())


async def cannot_fill(stage: Stage) -> None:
    """The server refuses to open a session."""
    stage.lab.server.fail("BatchCreateSessions", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(exceptions.PermissionDenied):
        await stage.bind(1)


async def clears(stage: Stage) -> None:
    """The session is deleted."""
    await stage.bind(1)
    await done(stage.pool.clear())


async def told_in(story: Story, make: str, world: str, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Tell a story of one make of pools, inside one span; return what is exported."""
    sdk = Sdk()
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: sdk.provider)  # where Google's pings go
    with lab_for(make, monkeypatch) as lab:
        if world == "asyncio":
            monkeypatch.setattr("google.cloud.spanner_v1._async.pool._NOW", lab.wall_time)
        stage = Stage(lab, sdk, world)
        try:
            with sdk.inside("program"):
                await story(stage)
            return sdk.told()
        finally:
            await stage.close()


@pytest.mark.parametrize("world", ["threads", "asyncio"])
@pytest.mark.parametrize("story", [fills, lends, has_none, looks_up, pings, cannot_fill, clears])
def test_it_tells_what_googles_pool_tells(story: Story, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same spans, each with the same parent, outcome, attributes and events."""
    if world == "asyncio":
        pytest.importorskip("google.cloud.spanner_v1._async.client")
    theirs = asyncio.run(told_in(story, UPSTREAM, world, monkeypatch))
    ours = asyncio.run(told_in(story, OURS, world, monkeypatch))
    assert ours == theirs
    assert sum(ours.values()) > 1


async def is_cut_off(stage: Stage) -> None:
    """A caller in line is cancelled."""
    await stage.bind(1)
    held = await stage.get()
    with stage.sdk.inside("request"):
        waiting = asyncio.ensure_future(stage.get(timeout=5))
        await until_in_asyncio(lambda: stage.pool.stats().waiting)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await done(stage.pool.put(held))


def test_a_wait_that_is_cut_off_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Google's pool, the span of a caller who is cancelled says that he waited, and no more."""
    pytest.importorskip("google.cloud.spanner_v1._async.client")
    told = asyncio.run(told_in(is_cut_off, OURS, "asyncio", monkeypatch))
    [request] = [span for span in told if span.startswith("('request'")]
    assert "Waiting for a session to become available" in request
    assert "No sessions" not in request


async def refills_later(stage: Stage) -> None:
    """A session is found dead, and replaced, inside no span of the user's."""
    await stage.bind(1)
    stage.lab.server.expire_all()
    stage.lab.advance(3001)
    with use_span(INVALID_SPAN):
        await done(stage.pool.ping())


@pytest.mark.parametrize("world", ["threads", "asyncio"])
def test_what_the_pool_does_by_itself_is_of_the_span_that_bound_it(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as that lasts; a replacement is opened as all sessions are."""
    if world == "asyncio":
        pytest.importorskip("google.cloud.spanner_v1._async.client")
    told = [*asyncio.run(told_in(refills_later, OURS, world, monkeypatch)).elements()]
    opened = [span for span in told if "CloudSpanner.PingingPool.BatchCreateSessions" in span]
    assert ["'program'" in span for span in opened] == [True, True]
    assert sum("CloudSpanner.Session.ping" in span for span in told) == TRACES_PINGS


def test_what_it_does_after_that_is_of_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that has ended gets no more: later calls have traces of their own."""
    sdk = Sdk()
    with lab_for(OURS, monkeypatch) as lab:
        stage = Stage(lab, sdk, "threads")
        with sdk.inside("program"):
            asyncio.run(stage.bind(1))
        stage.pool.clear()
    [ending] = [span for span in sdk.spans if span.name == "CloudSpanner.DeleteSession"]
    assert ending.parent is None


def test_without_the_observer_there_are_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not ask for them has those of the client alone, as before."""
    sdk = Sdk()
    with lab_for(OURS, monkeypatch) as lab:
        pool = lab.pool(1)
        with sdk.inside("program"):
            lab.server.client(observability_options=sdk.options).instance("i").database("d", pool=pool)
            pool.put(pool.get())
    assert [(span.name, span.events) for span in sdk.spans] == [("program", ())]
