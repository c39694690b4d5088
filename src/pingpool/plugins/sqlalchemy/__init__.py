"""SQLAlchemy's engines over pingpool.

    engine = create_engine(url, poolclass=PingPool, pool_size=10, max_lifetime=3600)
    engine = create_async_engine(url, poolclass=AsyncPingPool)

SQLAlchemy opens, sets up, resets and closes the connections, as ever, and pingpool decides which one is lent.
"""

from pingpool.extras import needing

with needing("sqlalchemy"):
    from pingpool.plugins.sqlalchemy.aio import AsyncPingPool
    from pingpool.plugins.sqlalchemy.threads import PingPool

__all__ = ["AsyncPingPool", "PingPool"]
