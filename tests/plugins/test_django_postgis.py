"""GeoDjango over pingpool, on a PostgreSQL with PostGIS, where the operating system has both."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON
from tests.plugins.postgis import POSTGIS_MISSING, programs_with_postgis

pytest.importorskip("django", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
if programs_with_postgis() is None:
    pytest.skip(POSTGIS_MISSING, allow_module_level=True)

from django.contrib.gis.db.models import PointField
from django.contrib.gis.geos import Point
from django.db import close_old_connections, models

from tests.plugins import django_project as project

pytestmark = pytest.mark.server

SIZE = 2
WEB_MERCATOR = 3857
"""Another system of coordinates: the server transforms what comes in it, if it is told that this is no raster."""


class Shop(models.Model):
    """A place where something is sold."""

    at = PointField(srid=4326)

    class Meta:
        app_label = "shop"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """The server."""
    with PostgresServer(programs=programs_with_postgis()) as server:
        yield server


@pytest.fixture
def connection(server: PostgresServer) -> Iterator[Any]:
    """The connection of this thread to a new database, in which nobody has asked for PostGIS yet."""
    server.execute("DROP DATABASE IF EXISTS shops WITH (FORCE)")
    server.execute("CREATE DATABASE shops")
    place = {**project.at(server), "NAME": "shops"}
    options = {"pingpool": {"size": SIZE, "default_timeout": SOON}}
    with project.use("pingpool.plugins.django.postgis", place, OPTIONS=options) as connection:
        yield connection


def prepare(connection: Any) -> None:
    """Have the extension, as `migrate` does, that for rasters, and a table of shops."""
    connection.prepare_database()
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION postgis_raster")
    with connection.schema_editor() as editor:
        editor.create_model(Shop)
    connection.close()


def open_shops(number: int) -> list[int]:
    """Have as many threads, each with a connection of its own, open a shop at the same time; return where they are."""
    together = Barrier(number, timeout=SOON)

    def open_one(longitude: int) -> int:
        try:
            with project.connections["default"].cursor():
                together.wait()
            place = Point(longitude, 47, srid=4326)
            shop = Shop.objects.create(at=place.transform(WEB_MERCATOR, clone=True))
            return round(Shop.objects.get(pk=shop.pk, at__dwithin=(place, 0.5)).at.x)
        finally:
            close_old_connections()

    with ThreadPoolExecutor(number) as people:
        return list(people.map(open_one, range(number)))


def test_each_connection_knows_the_types_of_postgis(connection: Any, server: PostgresServer) -> None:
    """So does one that replaces another, which was killed."""
    prepare(connection)
    assert open_shops(SIZE) == [*range(SIZE)]
    server.terminate_backends()
    assert open_shops(SIZE) == [*range(SIZE)]
    assert Shop.objects.filter(at__dwithin=(Point(0, 47, srid=4326), 0.5)).count() == 2


def test_connections_from_before_the_extension_are_replaced(connection: Any) -> None:
    """They were opened when its types were not there to be learnt."""
    connection.pingpool.wait(SOON, sessions=SIZE)
    prepare(connection)
    assert open_shops(SIZE) == [*range(SIZE)]
