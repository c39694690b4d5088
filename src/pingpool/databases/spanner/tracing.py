"""The spans and events that Google's pool makes, for whoever traces his program: `PingingPool(observer=ClientSpans())`.

Two things are told, each where it can be told at no cost for those who do not ask:

- How a `get` ended, as events of the span that is current in the caller's thread or task. So `ClientSpans` is a
  `CallerObserver`, whom the pool has beside the caller; a `get` wrapped in another would cost everybody a call more.
- Each call to the server about a session, as a span. In both worlds each is made in one block of `Terms`, which makes
  the span too. It is a child of the span that is current there, or else of the one in which the pool was bound, as
  long as that lasts: the pool's own threads have none.

The client's own functions make them, so they go where its `observability_options` say, with its attributes. Without
OpenTelemetry, and with a client whose pool makes none, there are none.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from queue import Empty
from time import time_ns
from typing import Any

from google.api_core.exceptions import NotFound

from pingpool.databases.spanner.versions import MAKES_SPANS, TRACES_PINGS, Metadata, client_spans
from pingpool.observer import CallerObserver

_context: Any = import_module("opentelemetry.context") if MAKES_SPANS else None
_trace: Any = import_module("opentelemetry.trace") if MAKES_SPANS else None

WHO = {"kind": "PingingPool"}
"""Who tells: Google's name of the class, in both worlds."""


class ClientSpans(CallerObserver):
    """Has a pool make the spans and events of Google's; an observer of your own may inherit from it.

    The span of a caller of `get` hears "Waiting for a session to become available", and then "Acquired session" or "No
    sessions available in the pool within the specified timeout". The calls are `CloudSpanner.GetSession`,
    `CloudSpanner.DeleteSession`, `CloudSpanner.Session.ping` and `CloudSpanner.PingingPool.BatchCreateSessions`: that
    one replaces sessions too, for which Google's pool makes a `CloudSpanner.CreateSession`.
    """

    def acquired(self, pool: str, session: Any, waited: float) -> None:
        """Tell the caller's span of its session."""
        if (span := _told_of_wait(waited)) is not None:
            told = {"time.elapsed": waited, "session.id": session.session_id, "kind": "pinging_pool"}
            span.add_event("Acquired session", told)

    def not_acquired(self, pool: str, error: BaseException, waited: float) -> None:
        """Tell the caller's span that there was none; a wait that was cut off has no end there either."""
        if (span := _told_of_wait(waited)) is not None and isinstance(error, Empty):
            span.add_event("No sessions available in the pool within the specified timeout", WHO)


class Untraced:
    """The blocks in which calls are made: nobody wants spans of them."""

    def opening(self, count: int, metadata: Metadata) -> AbstractContextManager[Any]:
        """Return the block in which so many sessions are opened."""
        return nullcontext()

    def opened(self, count: int, asked: int) -> None:
        """Tell the span of that block how many sessions were opened, of so many that were asked for."""

    def looking_up(self, session: Any, metadata: Metadata) -> AbstractContextManager[Any]:
        """Return the block in which it is asked whether a session exists."""
        return nullcontext()

    def keeping_alive(self, session: Any, metadata: Metadata) -> AbstractContextManager[Any]:
        """Return the block in which a session is kept alive."""
        return nullcontext()

    def ending(self, session: Any, metadata: Metadata) -> AbstractContextManager[Any]:
        """Return the block in which a session is ended."""
        return nullcontext()


class Traced(Untraced):
    """The same with a span for each; it is to be made where the pool is bound to this `Database` of the client."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._bound_in = _context.get_current()

    @contextmanager
    def opening(self, count: int, metadata: Metadata) -> Generator[Any]:
        """Make a span of opening so many sessions."""
        with self._inside():
            client_spans.get_current_span().add_event(f"Requesting {count} sessions", WHO)
            with self._span("CloudSpanner.PingingPool.BatchCreateSessions", metadata) as span:
                yield span

    def opened(self, count: int, asked: int) -> None:
        """Tell that span how many there are."""
        span = client_spans.get_current_span()
        span.add_event(f"Created {count} sessions")
        span.add_event(f"Requested for {asked} sessions, returned {count}", WHO)

    @contextmanager
    def looking_up(self, session: Any, metadata: Metadata) -> Generator[Any]:
        """Make a span of looking a session up; that it is not found is an answer, and no error."""
        missing: NotFound | None = None
        with self._inside():
            client_spans.get_current_span().add_event("Checking if Session exists", _id_of(session))
            with self._span("CloudSpanner.GetSession", metadata, session) as span:
                try:
                    yield span
                except NotFound as error:
                    missing = error
                span.set_attribute("session_found", missing is None)
        if missing is not None:
            raise missing

    @contextmanager
    def keeping_alive(self, session: Any, metadata: Metadata) -> Generator[Any]:
        """Make a span of a ping, if the client does so."""
        ping = self._span("CloudSpanner.Session.ping", metadata, session) if TRACES_PINGS else nullcontext()
        with self._inside(), ping as span:
            yield span

    @contextmanager
    def ending(self, session: Any, metadata: Metadata) -> Generator[Any]:
        """Make a span of the end of a session."""
        told = {**_id_of(session), "session.name": session.name}
        with self._inside():
            client_spans.get_current_span().add_event("Deleting Session", _id_of(session))
            with self._span("CloudSpanner.DeleteSession", metadata, session, told) as span:
                yield span

    def _span(
        self, name: str, metadata: Metadata, session: Any = None, told: Any = None
    ) -> AbstractContextManager[Any]:
        options = getattr(self._database, "observability_options", None)
        span: AbstractContextManager[Any] = client_spans.trace_call(
            name, session, told, observability_options=options, metadata=metadata
        )
        return span

    @contextmanager
    def _inside(self) -> Generator[None]:
        """Stand inside the span in which the pool was bound, if it lasts and there is no other."""
        is_alone = not _trace.get_current_span().is_recording()
        if is_alone and _trace.get_current_span(self._bound_in).is_recording():
            token = _context.attach(self._bound_in)
            try:
                yield
            finally:
                _context.detach(token)
        else:
            yield


def blocks_for(observer: object, database: Any) -> Untraced:
    """Return the blocks for calls about the sessions of this database: traced, if its pool has such an observer."""
    return Traced(database) if MAKES_SPANS and isinstance(observer, ClientSpans) else Untraced()


def _told_of_wait(waited: float) -> Any:
    """Return the caller's span, told since when it waited; None if there is none that wants to know."""
    span = client_spans.get_current_span() if MAKES_SPANS else None
    if span is None or not span.is_recording():
        return None
    since = time_ns() - round(waited * 1e9)
    span.add_event("Waiting for a session to become available", WHO, timestamp=since)
    return span


def _id_of(session: Any) -> dict[str, Any]:
    return {"session.id": session.session_id}
