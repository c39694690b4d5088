"""What a client is told when no session could be had: 503, and when to come again."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pingpool.errors import PoolClosed, PoolTimeout
from pingpool.plugins.unavailable import COME_AGAIN, NO_SESSION


async def unavailable(request: Request, error: Exception) -> Response:
    """Answer 503. The text of the error is for the log: it names places in the code."""
    return JSONResponse({"detail": NO_SESSION}, 503, headers=COME_AGAIN)


ANSWERS: Final[dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]] = {
    PoolTimeout: unavailable,
    PoolClosed: unavailable,
}
"""For an application's `exception_handlers`: the answer to each error that means "not now"."""
