"""A span for each caller who waited for long; whoever was served soon costs a comparison."""

from time import time_ns
from typing import Any

from opentelemetry.trace import Status, StatusCode, TracerProvider, get_tracer

from pingpool.observer import CallerObserver
from pingpool.plugins.opentelemetry.names import NEWEST, convention_of

SPAN = "pingpool.wait"
"""What such a span is called: the semantic conventions have no name for it."""


class LongWaits(CallerObserver):
    """Makes a span of each wait that was longer than a bound: `pingpool.open(…, observer=LongWaits(0.1))`.

    It begins and ends with the wait, in the trace of the caller: a child of the span that is current there. It has the
    name of the pool. A wait in vain is an error.

    Args:
        longer_than: how many seconds a caller may wait without a span.
        tracer_provider: where to; None is the global one, also if it is set later.
        convention: the version of the semantic conventions, or "pingpool" for sessions of what is no database.

    Raises:
        ValueError: the bound is negative, or the convention is not known.
    """

    def __init__(
        self, longer_than: float, *, tracer_provider: TracerProvider | None = None, convention: str = NEWEST
    ) -> None:
        if longer_than < 0:
            raise ValueError(f"longer_than must be 0 or more seconds; got {longer_than!r}")
        self._longer_than = longer_than
        self._pool_name = convention_of(convention).pool
        self._tracer = get_tracer("pingpool", tracer_provider=tracer_provider)

    def acquired(self, pool: str, session: Any, waited: float) -> None:
        """Make a span of a wait that ended well."""
        if waited > self._longer_than:
            self._make_span(pool, waited, Status(StatusCode.UNSET))

    def not_acquired(self, pool: str, error: BaseException, waited: float) -> None:
        """Make a span of a wait in vain."""
        if waited > self._longer_than:
            self._make_span(pool, waited, Status(StatusCode.ERROR, "no session"))

    def _make_span(self, pool: str, waited: float, status: Status) -> None:
        now = time_ns()
        whose = {self._pool_name: pool}
        span = self._tracer.start_span(SPAN, attributes=whose, start_time=now - round(waited * 1e9))
        span.set_status(status)
        span.end(now)
