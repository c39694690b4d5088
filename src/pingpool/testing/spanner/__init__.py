"""A Cloud Spanner server inside your own process, whose sessions live and die as the real ones do.

    with SpannerServer() as server:
        database = server.client().instance("i").database("d", pool=...)     # the real Google client
        server.expire_all()                                                  # behind the client's back
        server.clock.advance(3601)                                           # an idle hour
        server.fail("BatchCreateSessions", grpc.StatusCode.UNAVAILABLE)      # and what else can go wrong
        assert server.calls.count("GetSession") == 0
        assert server.violations == []

Google's `spannermockserver` answers statements with what `server.answer` was told; there is no SQL. A pool may share
the clock: `SpannerServer(clock=clock)`. Needs the extras `spanner` and `servers`.
"""

from pingpool.extras import needing

with needing("spanner,servers"):
    from pingpool.testing.spanner.calls import Call, Calls
    from pingpool.testing.spanner.faults import EVERY_METHOD, Gate
    from pingpool.testing.spanner.server import SpannerServer
    from pingpool.testing.spanner.sessions import Session, ToldClock

__all__ = ["EVERY_METHOD", "Call", "Calls", "Gate", "Session", "SpannerServer", "ToldClock"]
