"""Django's backend for MySQL and MariaDB, over a pool."""

from typing import Any

from django.db.backends.mysql import base
from django.db.backends.mysql.creation import DatabaseCreation

from pingpool.database import Database
from pingpool.plugins.django.creation import WithoutSessions
from pingpool.plugins.django.pooled import Pooled
from pingpool.plugins.drivers import Connect, of_mysql
from pingpool.pool.caller import wraps

wraps(__file__)


class Creation(WithoutSessions, DatabaseCreation):
    """Makes and removes test databases."""


class DatabaseWrapper(Pooled, base.DatabaseWrapper):
    """What `connections["default"]` is."""

    creation_class = Creation

    def known_by(self, connect: Connect) -> Database[Any]:
        """Return what is known of connections to MySQL."""
        return of_mysql(connect)
