"""Django's backend for PostgreSQL, over a pool."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.creation import DatabaseCreation

from pingpool.database import Database
from pingpool.plugins.django.creation import WithoutSessions
from pingpool.plugins.django.pooled import Pooled
from pingpool.plugins.opened_by_others import Connect, connect_timeout_of_libpq, of_postgres
from pingpool.pool.caller import wraps

wraps(__file__)


class Creation(WithoutSessions, DatabaseCreation):
    """Makes and removes test databases."""


class DatabaseWrapper(Pooled, base.DatabaseWrapper):
    """What `connections["default"]` is."""

    creation_class = Creation

    def known_by(self, connect: Connect) -> Database[Any]:
        """Return what is known of psycopg's connections, or of psycopg2's."""
        return of_postgres(self.Database, connect)

    def limits(self, params: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
        """Return the time that libpq may take for each host."""
        return {"connect_timeout": connect_timeout_of_libpq(self.Database, params, timeout)}

    @property
    def pool(self) -> None:
        """None: Django's own pool."""
        if self.settings_dict["OPTIONS"].get("pool"):
            raise ImproperlyConfigured(f'{self.alias}: OPTIONS has "pool", which is Django\'s own: "pingpool" is ours')

    def ensure_timezone(self) -> bool:
        """Set another time zone in the connection that is lent, and see to it that nobody else gets it."""
        self.close_pool()
        return self.connection is not None and self._configure_timezone(self.connection)
