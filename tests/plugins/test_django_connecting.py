"""Django over pingpool, where a connection is to be opened and the other side never says a word."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases.waiting import SOON, until

pytest.importorskip("django", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")

from django.db import OperationalError

from pingpool.testing.ports import LOOPBACK
from tests.plugins import django_project as project
from tests.plugins.django_project import ask
from tests.plugins.mysqldb import have_mysql

AT_MOST = 2
"""The `io_timeout`, in seconds: libpq, which counts whole ones, takes no less."""


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of somebody who takes connections and never answers."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def gives_up(engine: str, port: int, options: dict[str, Any]) -> None:
    """See that with these options the driver gives up by itself."""
    have_mysql()
    place = {"NAME": "shop", "USER": "shop", "HOST": LOOPBACK, "PORT": port, "OPTIONS": options}
    with project.use(f"pingpool.plugins.django.{engine}", place) as connection:
        with pytest.raises(OperationalError):
            ask()
        stats = connection.pingpool.stats
        until(lambda: stats().create_failures and not stats().hanging)


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_an_attempt_to_connect_ends_by_itself(engine: str, black_hole: int) -> None:
    """After `io_timeout` it is the driver who gives up, so that no thread is left behind in it."""
    gives_up(engine, black_hole, {"pingpool": {"size": 1, "io_timeout": AT_MOST, "default_timeout": AT_MOST}})


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_time_limit_of_ones_own_counts_if_it_is_shorter(engine: str, black_hole: int) -> None:
    """That is: `OPTIONS["connect_timeout"]`."""
    limits = {"io_timeout": 10 * SOON, "default_timeout": AT_MOST}
    gives_up(engine, black_hole, {"connect_timeout": AT_MOST, "pingpool": {"size": 1, **limits}})
