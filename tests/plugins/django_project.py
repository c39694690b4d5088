"""A Django project in one file: its settings, a model, views for both worlds. `use` says which database it has."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connections, models
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path

from pingpool.testing.servers import MariaDBServer, PostgresServer

Server = MariaDBServer | PostgresServer

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={},
        DEBUG_PROPAGATE_EXCEPTIONS=False,
        INSTALLED_APPS=["django.contrib.postgres"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["pingpool.plugins.django.middleware.Unavailable"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests",
        USE_TZ=True,
    )
    django.setup()


class Order(models.Model):
    """Something that was ordered."""

    item = models.CharField(max_length=100)

    class Meta:
        app_label = "shop"


# ------------------------------------------------------------------------------------------------------ its database


def at(server: Server) -> dict[str, Any]:
    """Return the settings that say where a server is."""
    url = urlsplit(server.url)
    return {
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.hostname,
        "PORT": url.port,
    }


@contextmanager
def use(engine: str, place: dict[str, Any], **more: Any) -> Iterator[Any]:
    """Have a database as "default", for as long as the block lasts; yield its connection in this thread."""
    connections.settings = connections.configure_settings({"default": {"ENGINE": engine, **place, **more}})
    with suppress(AttributeError):  # there was none in this thread
        del connections["default"]
    connection = connections["default"]
    try:
        yield connection
    finally:
        connections.close_all()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        del connections["default"]


def in_file(folder: Path) -> dict[str, Any]:
    """Return the settings of a SQLite database in a folder."""
    return {"NAME": folder / "shop.db"}


@contextmanager
def orders(connection: Any) -> Iterator[None]:
    """Have an empty table of orders."""
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    try:
        yield
    finally:
        connection.close()
        with connection.schema_editor() as editor:
            editor.delete_model(Order)
        connection.close()


def ask(statement: str = "SELECT 1") -> Any:
    """Run a statement in this thread's connection."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def serve(address: str) -> tuple[int, str]:
    """Have a request served, from Django's first signal to its last; return the status and the answer."""
    status: list[int] = []

    def begin(line: str, headers: Any) -> None:
        status.append(int(line.split()[0]))

    answer = WSGIHandler()(RequestFactory().get(address).environ, begin)
    body = b"".join(answer).decode()
    answer.close()
    return status[0], body


# --------------------------------------------------------------------------------------------------------- its views


def count(request: HttpRequest) -> HttpResponse:
    """Count the orders."""
    return HttpResponse(str(Order.objects.count()))


def order(request: HttpRequest, item: str) -> HttpResponse:
    """Order something; of nothing, only half of the work is done."""
    Order.objects.create(item=item)
    if item == "nothing":
        raise ValueError(item)
    return HttpResponse(item)


async def order_later(request: HttpRequest, item: str) -> HttpResponse:
    """Order something, by the calls for asyncio."""
    await Order.objects.acreate(item=item)
    return HttpResponse(str(await Order.objects.acount()))


def one(request: HttpRequest) -> HttpResponse:
    """Ask the database for one."""
    return HttpResponse(str(ask()))


async def one_later(request: HttpRequest) -> HttpResponse:
    """Ask for one, in asyncio."""
    return HttpResponse(str(await Order.objects.acount()))


def broken(request: HttpRequest) -> HttpResponse:
    """Have an error of the database that is not about connections."""
    raise OperationalError("the disk is full")


urlpatterns = [
    path("count", count),
    path("one", one),
    path("one-later", one_later),
    path("order/<item>", order),
    path("order-later/<item>", order_later),
    path("broken", broken),
]
