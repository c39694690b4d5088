"""Pools in FastAPI and Starlette: `pip install "pingpool[starlette]"`.

    sessions = Sessions("postgresql://shop@db/shop", size=4)
    app = FastAPI(lifespan=sessions.lifespan, exception_handlers=ANSWERS)

    @app.get("/orders")
    def orders(connection=Depends(sessions)): ...

Each file holds one thing: `attached` what an application gets from either kind of pool, `sessions` and
`async_sessions` the kinds, `waiting` the wait that holds no thread of the endpoints, `place` where a session is said to
be held, `answers` the 503.
"""

from pingpool.extras import needing

with needing("starlette"):
    from pingpool.plugins.starlette.answers import ANSWERS, unavailable
    from pingpool.plugins.starlette.async_sessions import AsyncSessions
    from pingpool.plugins.starlette.sessions import Sessions
    from pingpool.plugins.unavailable import RETRY_AFTER

__all__ = ["Sessions", "AsyncSessions", "ANSWERS", "RETRY_AFTER", "unavailable"]
