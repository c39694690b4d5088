"""Pools in Flask: `pip install "pingpool[flask]"`.

sessions = Sessions("postgresql://shop@db/shop", size=4)
sessions.init_app(app)

@app.get("/orders")
def orders():
sessions.session.execute(...)
"""

from functools import partial
from typing import Any, Generic, Unpack, overload

from pingpool.core.slot import S
from pingpool.database import Database
from pingpool.errors import PoolClosed, PoolError, PoolTimeout
from pingpool.extras import needing
from pingpool.opening import open
from pingpool.options import PoolOptions
from pingpool.plugins.unavailable import COME_AGAIN, NO_SESSION, PROBED_WITHIN
from pingpool.pool.caller import wraps
from pingpool.threads.late import LateLock
from pingpool.threads.pool import PingingPool

with needing("flask"):
    from flask import Flask, Response, g, jsonify

wraps(__file__)


class Sessions(Generic[S]):
    """A session for each application context that wants one; the arguments are those of `pingpool.open`.

    It is given back when the context ends, with the error that ended it. The pool is opened when the first session is
    wanted, so that a process that only imports the application, such as gunicorn's master, opens nothing.
    """

    @overload
    def __init__(self, database: Database[S], *, wait_for: int | None = 0, **options: Unpack[PoolOptions]) -> None: ...
    @overload
    def __init__(self: "Sessions[Any]", database: str, *, wait_for: int | None = 0, **options: Any) -> None: ...
    def __init__(self, database: Any, *, wait_for: int | None = 0, **options: Any) -> None:
        """Note what to open. `wait_for` is 0, so that it is `get` alone who waits, within `default_timeout`."""
        self._open: partial[Any] = partial(open, database, wait_for=wait_for, **options)
        self._opening = LateLock()
        self._pool: PingingPool[S] | None = None

    def init_app(self, app: Flask) -> None:
        """Serve an application: end the sessions of its contexts, and answer 503 where none could be had in time.

        The list `app.extensions["pingpool"]` then has this object.
        """
        app.extensions.setdefault("pingpool", []).append(self)
        app.teardown_appcontext(self._give_back)
        for error in (PoolTimeout, PoolClosed):
            app.register_error_handler(error, unavailable)

    @property
    def pool(self) -> PingingPool[S]:
        """The pool; it is opened if it was not. Raises what `pingpool.open` raises."""
        pool = self._pool
        if pool is None:
            with self._opening.lock:
                pool = self._pool = self._pool or self._open()
        return pool

    @property
    def session(self) -> S:
        """The session of this application context, checked out when it is first asked for.

        Raises:
            RuntimeError: there is no application context.
            PoolTimeout: none could be had in time; the answer is 503.
        """
        held = _held()
        if self not in held:
            pool = self.pool
            held[self] = (pool, pool.get())
        session: S = held[self][1]
        return session

    def ready(self) -> tuple[Response, int, dict[str, str]]:
        """Answer a readiness probe: 200 if a session could be proven within a second, else 503. A view function."""
        try:
            self.pool.check(PROBED_WITHIN)
        except PoolError as error:
            return jsonify(ready=False, why=type(error).__name__), 503, COME_AGAIN
        return jsonify(ready=True), 200, {}

    def close(self) -> None:
        """Close the pool, if it was opened. Not needed at the end of a process."""
        with self._opening.lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _give_back(self, error: BaseException | None) -> None:
        """Give back the session of the context that ends. Flask tells of no error that a handler has answered."""
        held = _held()
        if self in held:
            pool, session = held.pop(self)
            pool.give_back(session, error)


def unavailable(error: Exception) -> tuple[Response, int, dict[str, str]]:
    """Answer 503. The text of the error is for the log: it names places in the code."""
    return jsonify(detail=NO_SESSION), 503, COME_AGAIN


def _held() -> dict[Any, Any]:
    """Return the sessions of this application context, and the pools that they are of."""
    held: dict[Any, Any] = g.setdefault("_pingpool", {})
    return held
