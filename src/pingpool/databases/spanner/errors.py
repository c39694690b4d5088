"""What an error of Cloud Spanner says of the session it came from.

NOT_FOUND alone says little: it may be the session that is gone, or its database, or the whole instance. The server
names the resource in the details of the error; the text is asked only when there are no details.
"""

import re
from typing import Any

from google.api_core import exceptions

from pingpool.errors import causes

SESSION = "google.spanner.v1.Session"
TEXT = re.compile(r"Session not found: (projects/[^/\s]+/instances/[^/\s]+/databases/[^/\s]+/sessions/[^\s,\]]+)")


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
