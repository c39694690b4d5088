"""What an error of Cloud Spanner says of the session it came from.

NOT_FOUND alone says little: it may be the session that is gone, or its database, or the whole instance. The server
names the resource in the details of the error; the text is asked only when there are no details.
"""

import re
import types
from functools import cache
from typing import Any

from google.api_core import exceptions

from pingpool.errors import PoolError, causes

SESSION = "google.spanner.v1.Session"
TEXT = re.compile(r"Session not found: (projects/[^/\s]+/instances/[^/\s]+/databases/[^/\s]+/sessions/[^\s,\]]+)")


def not_found(name: str) -> exceptions.NotFound:
    """Return what the server says of a session that it does not have."""
    return exceptions.NotFound(f"Session not found: {name}")


def as_googles(error: PoolError, cause: BaseException) -> PoolError:
    """Return an error of the pool that is of its cause's type too, if that is one of Google's, so as to be caught."""
    if not isinstance(cause, exceptions.GoogleAPICallError):
        return error
    kinds: tuple[Any, Any] = (type(error), type(cause))
    kind = _both(*kinds)
    made: PoolError = kind(*error.args)
    made.__dict__.update(vars(cause), message=str(error))
    return made


@cache
def _both(ours: type[Any], googles: type[Any]) -> type[Any]:
    """Return the class of errors that are both, under our name, with our text."""
    body = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__str__": Exception.__str__}
    return types.new_class(ours.__name__, (ours, googles), exec_body=lambda names: names.update(body))


def lost_session(error: BaseException | None) -> str | None:
    """Return the full name of the session that the server no longer knows, if that is what the error comes from."""
    for cause in () if error is None else causes(error):
        if isinstance(cause, exceptions.NotFound):
            return _named_in(cause)
    return None


def _named_in(error: exceptions.NotFound) -> str | None:
    """Return the name of the session that is not found; None if it is something else that is not."""
    details: list[Any] = getattr(error, "details", None) or []
    resources = [detail for detail in details if hasattr(detail, "resource_type")]
    for resource in resources:
        if str(resource.resource_type).endswith(SESSION):
            return str(resource.resource_name)
    said = None if resources else TEXT.search(str(error))
    return said[1] if said else None
