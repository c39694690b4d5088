"""Django's backend for MySQL and MariaDB, over a pool."""

from collections.abc import Mapping
from typing import Any

from django.db.backends.mysql import base
from django.db.backends.mysql.creation import DatabaseCreation

from pingpool.database import Database
from pingpool.databases.common.timeouts import whole
from pingpool.databases.mysql.drivers import limited
from pingpool.plugins.django.creation import WithoutSessions
from pingpool.plugins.django.pooled import Pooled
from pingpool.plugins.opened_by_others import Connect, of_mysql
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

    def limits(self, params: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
        """Return the time that the driver may take; PyMySQL's limit ends with the TCP connection, before any word."""
        limit = {"connect_timeout": whole(timeout, params.get("connect_timeout") or 0, least=1)}
        return {**limit, "defer_connect": True} if self.Database.__name__ == "pymysql" else limit

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Check a connection out, or have it opened, by PyMySQL with a limit for each word of the server's."""
        connection = super().get_new_connection(conn_params)
        if self.opens_within is not None and conn_params.get("defer_connect"):
            with limited(connection, conn_params["connect_timeout"]):
                connection.connect()
        return connection
