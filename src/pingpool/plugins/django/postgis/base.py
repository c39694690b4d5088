"""GeoDjango's backend for PostGIS, over a pool."""

from django.contrib.gis.db.backends.postgis import base

from pingpool.plugins.django.postgresql.base import DatabaseWrapper as Pooled
from pingpool.pool.caller import wraps

wraps(__file__)


class DatabaseWrapper(Pooled, base.DatabaseWrapper):
    """What `connections["default"]` is. A connection learns the types of PostGIS when it is opened."""

    def prepare_database(self) -> None:
        """Have the extension, and let go of connections that were opened before its types were there to be learnt."""
        super().prepare_database()
        self.close_pool()
