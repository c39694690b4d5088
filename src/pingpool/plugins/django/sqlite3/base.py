"""Django's backend for SQLite, over a pool. A database in memory lives in one connection, and is not pooled."""

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.creation import DatabaseCreation

from pingpool.database import Database
from pingpool.plugins.django.creation import WithoutSessions
from pingpool.plugins.django.pooled import Pooled
from pingpool.plugins.opened_by_others import Connect, of_sqlite
from pingpool.pool.caller import wraps

wraps(__file__)


class Connection(sqlite3.Connection):
    """A connection that takes weak references, so that the pool notices one that was dropped."""


class Creation(WithoutSessions, DatabaseCreation):
    """Makes and removes test databases."""


class DatabaseWrapper(Pooled, base.DatabaseWrapper):
    """What `connections["default"]` is."""

    creation_class = Creation

    def known_by(self, connect: Connect) -> Database[Any]:
        """Return what is known of SQLite's connections."""
        return of_sqlite(connect)

    @property
    def is_pooled(self) -> bool:
        """Does a pool lend its connections?"""
        return super().is_pooled and not self.is_in_memory_db()

    def get_connection_params(self) -> dict[str, Any]:
        """Have a connection opened that takes weak references."""
        return {"factory": Connection, **super().get_connection_params()}
