"""Cloud Spanner: the drop-in `PingingPool` for google-cloud-spanner, and the `Database` behind it.

    from pingpool.databases.spanner import PingingPool
    database = client.instance("i").database("d", pool=PingingPool(size=10, labels={"team": "a"}))

or, without a database object of the client:

    with pingpool.open("spanner://project/instance/database") as pool, pool.session() as session: ...

Needs the extra `spanner`; works with google-cloud-spanner from 3.15 on.
"""

from importlib.util import find_spec

if not find_spec("google") or not find_spec("google.cloud") or not find_spec("google.cloud.spanner_v1"):
    raise ImportError("Cloud Spanner needs google-cloud-spanner: pip install 'pingpool[spanner]'")

from pingpool.databases.spanner.database import SpannerDatabase
from pingpool.databases.spanner.pool import PingingPool
from pingpool.databases.spanner.sessions import PooledSession
from pingpool.databases.spanner.tracing import ClientSpans
from pingpool.databases.spanner.url import from_url

__all__ = ["ClientSpans", "PingingPool", "PooledSession", "SpannerDatabase", "from_url"]
