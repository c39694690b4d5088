"""A Django project that writes notes, and its views."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from notes import OPTIONS


def database(address: str) -> dict[str, Any]:
    """Return the settings of the database at this URL."""
    url = urlsplit(address)
    return {
        "ENGINE": "pingpool.plugins.django.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "HOST": url.hostname,
        "PORT": url.port,
        "OPTIONS": {"pingpool": OPTIONS},
    }


def written(name: str) -> dict[str, int]:
    """Run the statements of this name, and tell which process and which session ran them."""
    with connection.cursor() as cursor:
        if name == "sleep":
            cursor.execute("SELECT pg_sleep(60)")
        cursor.execute("INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()")
        number, backend = cursor.fetchone()
    return {"process": os.getpid(), "backend": backend, "note": number}


def note(request: HttpRequest) -> JsonResponse:
    """Run the statements that belong to the path."""
    return JsonResponse(written(request.path.strip("/")))


urlpatterns = [path(name, note) for name in ("note", "sleep")]

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {**database(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": None}},
    MIDDLEWARE=["pingpool.plugins.django.middleware.Unavailable"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
)
application = get_wsgi_application()
asgi_application = get_asgi_application()
