"""What an error of Cloud Spanner means for the session it came from.

NOT_FOUND alone says little: it may be the session that is gone, or its database, or the whole instance. The server
names the resource in the details of the error; the text is asked only when there are no details.
"""

import re
from collections.abc import Iterator
from typing import Any

from google.api_core import exceptions

DEEPEST = 10
"""So many causes of an error are looked at."""

SESSION = "google.spanner.v1.Session"
TEXT = re.compile(r"Session not found: (projects/[^/\s]+/instances/[^/\s]+/databases/[^/\s]+/sessions/[^\s,\]]+)")

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,  # DEADLINE_EXCEEDED
    exceptions.TooManyRequests,  # RESOURCE_EXHAUSTED
    exceptions.InternalServerError,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.RetryError,
)
"""Trouble of the server or of the way to it, which passes and says nothing about a session."""

FATAL = (
    exceptions.NotFound,  # there is no session yet: it is the database or the instance that is missing
    exceptions.Forbidden,  # PERMISSION_DENIED
    exceptions.Unauthorized,  # UNAUTHENTICATED
    exceptions.InvalidArgument,  # labels or a role that cannot be
)
"""What opening a session fails with until somebody mends the cause."""


def lost_session(error: BaseException | None) -> str | None:
    """Return the full name of the session that the server no longer knows, if that is what the error comes from."""
    for cause in _causes(error):
        if isinstance(cause, exceptions.NotFound):
            return _named_in(cause)
    return None


def is_transient(error: BaseException) -> bool:
    """Will it pass by itself, and say nothing about the session?"""
    return isinstance(error, TRANSIENT)


def is_fatal(error: BaseException) -> bool:
    """Will opening a session fail again until somebody mends the cause?"""
    return isinstance(error, FATAL)


def _named_in(error: exceptions.NotFound) -> str | None:
    """Return the name of the session that is not found; None if it is something else that is not."""
    details: list[Any] = getattr(error, "details", None) or []
    resources = [detail for detail in details if hasattr(detail, "resource_type")]
    for resource in resources:
        if str(resource.resource_type).endswith(SESSION):
            return str(resource.resource_name)
    said = None if resources else TEXT.search(str(error))
    return said[1] if said else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it was raised from, as a traceback would print them, the last first."""
    for _ in range(DEEPEST):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
