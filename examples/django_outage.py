"""A Django project whose PostgreSQL is killed and restarted: over pingpool, and over what Django itself offers.

    python examples/django_outage.py

Needs `pip install 'pingpool[django,postgres,servers]' psycopg-pool`.
"""

import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path
from outage import play

from pingpool.testing.servers import PostgresServer

SIZE = 4
STOCK = "django.db.backends.postgresql"
WAYS: dict[str, dict[str, Any]] = {
    "pingpool": {
        "ENGINE": "pingpool.plugins.django.postgresql",
        "OPTIONS": {"pingpool": {"size": SIZE}},
    },
    "pool": {"ENGINE": STOCK, "OPTIONS": {"pool": {"min_size": SIZE, "max_size": SIZE, "timeout": 10}}},
    "pool_checked": {
        "ENGINE": STOCK,
        "OPTIONS": {"pool": {"min_size": SIZE, "max_size": SIZE, "timeout": 10}},
        "CONN_HEALTH_CHECKS": True,
    },
    "persistent": {"ENGINE": STOCK, "CONN_MAX_AGE": None},
    "persistent_checked": {"ENGINE": STOCK, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True},
}
TITLES = ["pingpool", 'OPTIONS["pool"]', "  and checks", "CONN_MAX_AGE", "  and checks"]


def one(request: HttpRequest, way: str) -> HttpResponse:
    """Ask the database of one of these ways."""
    with connections[way].cursor() as cursor:
        cursor.execute("SELECT 1")
        return HttpResponse(cursor.fetchone()[0])


def configure(server: PostgresServer) -> None:
    """Make a project of this file, with a database for each way."""
    url = urlsplit(server.url)
    there = {"NAME": url.path[1:], "USER": url.username, "HOST": url.hostname, "PORT": url.port}
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {}, **{name: {**there, **way} for name, way in WAYS.items()}},
        LOGGING_CONFIG=None,
        ROOT_URLCONF=(path("<way>", one),),
        SECRET_KEY="for a demonstration",
    )
    for name in ("django.request", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def main() -> None:
    """Play the outages to the project."""
    with PostgresServer(password="") as server:
        configure(server)
        application = get_wsgi_application()

        def ask(way: str) -> bool:
            status: list[str] = []
            answer = application(RequestFactory().get(f"/{way}").environ, lambda line, _: status.append(line))
            answer.close()
            return status == ["200 OK"]

        play(server, dict(zip(WAYS, TITLES, strict=True)), ask, connections.close_all)
        for way in ("pingpool", "pool", "pool_checked"):
            pool: Any = connections[way]
            pool.close_pool()


if __name__ == "__main__":
    main()
