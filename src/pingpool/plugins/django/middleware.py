"""An answer to those for whom no connection could be had in time, instead of an error page.

MIDDLEWARE = ["pingpool.plugins.django.middleware.Unavailable", ...]
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from pingpool.errors import PoolError, causes
from pingpool.plugins.unavailable import COME_AGAIN, NO_SESSION


class Unavailable(MiddlewareMixin):
    """Answers 503 where a view got no connection in time. Other errors of the database go their usual way.

    The text of the error is for the log, which Django writes for each answer of this kind: it names places in the code.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer, if it is the pool that had no connection."""
        if not any(isinstance(each, PoolError) for each in causes(error)):
            return None
        return JsonResponse({"detail": NO_SESSION}, status=503, headers=COME_AGAIN)
