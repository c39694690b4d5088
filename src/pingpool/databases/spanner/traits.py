"""What the errors of Cloud Spanner mean, in either world."""

from typing import Any

from google.api_core import exceptions

from pingpool.database import Meaning, Traits
from pingpool.databases.spanner.errors import as_googles, lost_session
from pingpool.errors import PoolError

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

REFUSED = (
    exceptions.NotFound,  # there is no session yet: it is the database or the instance that is missing
    exceptions.Forbidden,  # PERMISSION_DENIED
    exceptions.Unauthorized,  # UNAUTHENTICATED
    exceptions.InvalidArgument,  # labels or a role that cannot be
)
"""What opening a session fails with until somebody mends the cause."""


class SpannerTraits(Traits[Any]):
    """What is asked of one database in passing."""

    usual_interval = 3000  # what its server allows is documented: an hour
    lives_at_server = True

    def meaning_of(self, error: BaseException) -> Meaning:
        """A session is lost only if the server no longer knows it, by its name; other errors tell by their class."""
        if lost_session(error) is not None:
            return Meaning.LOST
        if isinstance(error, TRANSIENT):
            return Meaning.TRANSIENT
        return Meaning.REFUSED if isinstance(error, REFUSED) else super().meaning_of(error)

    def for_callers(self, error: PoolError, cause: BaseException) -> PoolError:
        """Code that was written for Google's pool catches Google's errors around `get` and `instance.database()`."""
        return as_googles(error, cause)
