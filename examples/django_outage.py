"""A Django project whose PostgreSQL is killed and restarted: over pingpool, and over what Django itself offers.

    python examples/django_outage.py

Needs `pip install 'pingpool[django,postgres,servers]' psycopg-pool`. All ways get the same requests, at the same time,
on one private server; what the log of pingpool says stands between the figures of each second.
"""

import logging
import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path

from pingpool.testing.servers import PostgresServer

SIZE, THREADS, PAUSE = 4, 4, 0.02
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
    logging.basicConfig(format="      log: %(message).100s", stream=sys.stdout)
    logging.getLogger("pingpool").setLevel(logging.INFO)


class Clients:
    """They ask over and over again, a few for each way."""

    def __init__(self, application: WSGIHandler) -> None:
        self._application = application
        self._closing = threading.Event()
        self.seen: Counter[tuple[str, bool]] = Counter()
        """How many requests were answered well, or not, by way."""
        self.slowest: Counter[str] = Counter()
        """The longest that an answer took, in milliseconds."""
        self._threads = [threading.Thread(target=self._ask_on, args=(way,)) for way in WAYS for _ in range(THREADS)]

    def __enter__(self) -> "Clients":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._closing.set()
        for each in self._threads:
            each.join()

    def _ask_on(self, way: str) -> None:
        while not self._closing.wait(PAUSE):
            began, status = time.monotonic(), list[int]()
            request = RequestFactory().get(f"/{way}").environ
            answer = self._application(request, lambda line, _, status=status: status.append(int(line.split()[0])))
            answer.close()
            self.seen[way, status == [200]] += 1
            self.slowest[way] = max(self.slowest[way], round((time.monotonic() - began) * 1000))
        connections.close_all()


def main() -> None:
    """Play the outages, and print what each second brought."""
    with PostgresServer(password="") as server:
        configure(server)
        with Clients(get_wsgi_application()) as clients:
            print(f"requests answered + failed, {THREADS} clients for each:\n")
            print(f"{'':30}" + "".join(f"{title:>18}" for title in TITLES))
            story = [
                ("all is well", lambda: None),
                ("all sessions are killed", server.terminate_backends),
                ("once more", server.terminate_backends),
                ("the server is stopped", server.stop),
                ("it is away", lambda: None),
                ("it is started again", server.start),
                ("all is well", lambda: None),
            ]
            before = Counter(clients.seen)
            for what, happens in story:
                happens()
                time.sleep(1)
                now = Counter(clients.seen)
                print(f"{what:30}" + "".join(f"{figures(now - before, way):>18}" for way in WAYS))
                before = now
        print(f"\n{'in all':30}" + "".join(f"{figures(clients.seen, way):>18}" for way in WAYS))
        print(f"{'the longest answer, ms':30}" + "".join(f"{clients.slowest[way]:>18}" for way in WAYS))
        for way in ("pingpool", "pool", "pool_checked"):
            pool: Any = connections[way]
            pool.close_pool()


def figures(seen: Counter[tuple[str, bool]], way: str) -> str:
    """Return how many requests were answered, and how many failed."""
    return f"{seen[way, True]} + {seen[way, False]}"


if __name__ == "__main__":
    main()
