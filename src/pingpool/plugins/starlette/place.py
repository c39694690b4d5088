"""Where an application checks a session out: the endpoint that depends on it, or the line of its block.

A pool names the place that it was called from, in `holders()` and in each `PoolTimeout`. Here that is a thread of
anyio, or a frame of FastAPI: that helps nobody. So the pool is called by a function that stands at the endpoint.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from inspect import unwrap
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, TypeVar

from starlette.requests import HTTPConnection

T = TypeVar("T")


class Place(NamedTuple):
    """A line of a file, and the function that it is in."""

    file: str
    line: int
    name: str


def of_endpoint(connection: HTTPConnection) -> Place:
    """Return where the endpoint of a request is defined; of an object, where its class says how it is called."""
    endpoint: Any = unwrap(connection.scope.get("endpoint", of_endpoint))
    endpoint = getattr(endpoint, "func", endpoint)  # of a partial
    kind: Any = endpoint.__class__
    for called in (endpoint, kind.__call__, of_endpoint):
        if isinstance(code := getattr(called, "__code__", None), CodeType):
            return Place(code.co_filename, code.co_firstlineno, code.co_qualname)
    raise AssertionError("the last one is a function")


def of_frame(frame: FrameType) -> Place:
    """Return the line that a frame is at."""
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


@lru_cache(maxsize=1000)
def standing_at(place: Place) -> Callable[..., Any]:
    """Return a function that calls what it is given, from that place."""
    call: Callable[..., Any] = _moved(_call, place)
    return call


@lru_cache(maxsize=1000)
def awaiting_at(place: Place) -> Callable[..., Awaitable[Any]]:
    """Return a coroutine function that awaits what it is given, from that place."""
    call: Callable[..., Awaitable[Any]] = _moved(_await, place)
    return call


def _call(function: Callable[..., T], *arguments: Any) -> T:
    return function(*arguments)


async def _await(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    return await function(*arguments)


def _moved(function: Any, place: Place) -> Any:
    code = function.__code__.replace(
        co_filename=place.file, co_firstlineno=max(0, place.line - 1), co_name=place.name, co_qualname=place.name
    )
    return FunctionType(code, {})
