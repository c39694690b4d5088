"""A WSGI application whose pool is empty until `fill` is called."""

import os
from typing import Any

from notes import application_on

from pingpool import PingingPool
from pingpool.databases.postgres import Postgres

pool: PingingPool[Any] = PingingPool(size=2, default_timeout=5)
application = application_on(pool)


def fill() -> None:
    """Have sessions from now on."""
    pool.bind(Postgres(os.environ["DATABASE_URL"]))
    pool.keep_alive()
