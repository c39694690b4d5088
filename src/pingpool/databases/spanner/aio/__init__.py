"""Cloud Spanner for asyncio: the drop-in for the pool of google-cloud-spanner's `AsyncClient`.

    from pingpool.databases.spanner.aio import AsyncPingingPool
    database = await client.instance("i").database("d", pool=AsyncPingingPool(size=10, labels={"team": "a"}))

or, without a database object of the client:

    async with pingpool.open_async(from_url("spanner://project/instance/database")) as pool: ...

Needs the extra `spanner`, with a google-cloud-spanner that has an `AsyncClient`, as 3.71 does; to its authors that is
still experimental.
"""

from importlib.util import find_spec

if not find_spec("google.cloud.spanner_v1._async"):
    raise ImportError("Cloud Spanner for asyncio needs a google-cloud-spanner with an AsyncClient: 3.71 has one")

from pingpool.databases.spanner.aio.database import AsyncSpannerDatabase
from pingpool.databases.spanner.aio.pool import AsyncPingingPool
from pingpool.databases.spanner.aio.sessions import AsyncPooledSession
from pingpool.databases.spanner.aio.url import from_url
from pingpool.databases.spanner.tracing import ClientSpans

__all__ = ["AsyncPingingPool", "AsyncPooledSession", "AsyncSpannerDatabase", "ClientSpans", "from_url"]
