"""What an application gets from a pool of either kind: a lifespan, a dependency, a block, and a readiness route."""

from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from pingpool.core.slot import S
from pingpool.errors import PoolError
from pingpool.plugins.starlette.place import Place, of_endpoint, of_frame
from pingpool.plugins.unavailable import COME_AGAIN, PROBED_WITHIN
from pingpool.pool.caller import current_frame
from pingpool.pool.life import Life

P = TypeVar("P", bound=Life[Any, Any])


class Attached(ABC, Generic[S, P]):
    """A pool that is open as long as the application runs. The object itself is the dependency: `Depends(sessions)`."""

    def __init__(self) -> None:
        self._open_pools: list[tuple[P, AbstractEventLoop]] = []

    @property
    def pool(self) -> P:
        """The pool of the running application; of several that of this event loop, and of these the newest.

        Raises:
            RuntimeError: the application has not been started, or has ended.
        """
        pools = self._open_pools[::-1]
        if not pools:
            raise RuntimeError("there is no pool outside the application's life: was its lifespan=sessions.lifespan?")
        here = running_loop()
        return next((pool for pool, loop in pools if loop is here), pools[0][0])

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncGenerator[None]:
        """Open the pool when the application starts, and close it when it ends; raises as `pingpool.open` does.

        It is the application's `lifespan`. In a lifespan of your own, enter it: `async with sessions.lifespan(app):`.
        """
        async with self._opened() as pool:
            opened = (pool, get_running_loop())
            self._open_pools.append(opened)
            try:
                yield
            finally:
                self._open_pools.remove(opened)

    async def __call__(self, connection: HTTPConnection) -> AsyncGenerator[S]:
        """Give an endpoint a session: FastAPI's dependency. Raises the errors of the pool's `get`."""
        async with self._lent(of_endpoint(connection)) as session:
            yield session

    def session(self) -> AbstractAsyncContextManager[S]:
        """Check a session out for the length of an `async with` block, as in an endpoint of Starlette."""
        return self._lent(of_frame(current_frame(1)))

    @asynccontextmanager
    async def _lent(self, place: Place) -> AsyncGenerator[S]:
        pool = self.pool  # the request may end after the application
        session = await self._check_out(pool, place)
        try:
            yield session
        except BaseException as error:
            await self._give_back(pool, session, error)
            raise
        await self._give_back(pool, session, None)

    async def ready(self, request: Request) -> Response:
        """Answer a readiness probe: 200 if a session could be proven within a second, else 503."""
        try:
            await self._check(self.pool, PROBED_WITHIN)
        except PoolError as error:
            body = {"ready": False, "why": type(error).__name__}
            return JSONResponse(body, 503, headers=COME_AGAIN)
        return JSONResponse({"ready": True})

    @abstractmethod
    def _opened(self) -> AbstractAsyncContextManager[P]:
        """Open a pool for the length of a block."""

    @abstractmethod
    async def _check_out(self, pool: P, place: Place) -> S:
        """Check a session out within the pool's `default_timeout`, from that place."""

    @abstractmethod
    async def _give_back(self, pool: P, session: S, error: BaseException | None) -> None:
        """Check a session in; never waits."""

    @abstractmethod
    async def _check(self, pool: P, timeout: float) -> None:
        """Have a session proven."""


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop of this thread; None in a thread that has none, as that of an endpoint."""
    try:
        return get_running_loop()
    except RuntimeError:
        return None
