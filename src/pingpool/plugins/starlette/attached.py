"""What an application gets from a pool of either kind: a lifespan, a dependency, a block, and a readiness route."""

from abc import ABC, abstractmethod
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

    _pool: P | None = None

    @property
    def pool(self) -> P:
        """The pool of the running application.

        Raises:
            RuntimeError: the application has not been started, or has ended.
        """
        if self._pool is None:
            raise RuntimeError("there is no pool outside the application's life: was its lifespan=sessions.lifespan?")
        return self._pool

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncGenerator[None]:
        """Open the pool when the application starts, and close it when it ends; raises as `pingpool.open` does.

        It is the application's `lifespan`. In a lifespan of your own, enter it: `async with sessions.lifespan(app):`.
        """
        async with self._opened() as self._pool:
            try:
                yield
            finally:
                self._pool = None

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
        session = await self._check_out(place)
        try:
            yield session
        except BaseException as error:
            await self._give_back(pool, session, error)
            raise
        await self._give_back(pool, session, None)

    async def ready(self, request: Request) -> Response:
        """Answer a readiness probe: 200 if a session could be proven within a second, else 503."""
        try:
            await self._check(PROBED_WITHIN)
        except PoolError as error:
            body = {"ready": False, "why": type(error).__name__}
            return JSONResponse(body, 503, headers=COME_AGAIN)
        return JSONResponse({"ready": True})

    @abstractmethod
    def _opened(self) -> AbstractAsyncContextManager[P]:
        """Open a pool for the length of a block."""

    @abstractmethod
    async def _check_out(self, place: Place) -> S:
        """Check a session out within the pool's `default_timeout`, from that place."""

    @abstractmethod
    async def _give_back(self, pool: P, session: S, error: BaseException | None) -> None:
        """Check a session in; never waits."""

    @abstractmethod
    async def _check(self, timeout: float) -> None:
        """Have a session proven."""
