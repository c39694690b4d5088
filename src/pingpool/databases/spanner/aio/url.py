"""From `spanner://project/instance/database` to the database it names, for asyncio."""

from google.cloud.spanner_v1._async.client import Client
from google.cloud.spanner_v1._async.database import Database

from pingpool.databases.spanner.aio.database import AsyncSpannerDatabase
from pingpool.databases.spanner.url import Place, client_of


def from_url(url: str, *, role: str | None = None) -> AsyncSpannerDatabase:
    """Return the database that `spanner://PROJECT/INSTANCE/DATABASE` names, with an `AsyncClient` of its own.

    The options are those of `databases.spanner.from_url`.

    Raises:
        BadURL: the URL does not name a project, an instance and a database, or has an option that is not known.
        google.auth.exceptions.DefaultCredentialsError: there is no emulator, and no credentials are set up.
    """
    place = Place.named_by(url)
    instance = client_of(place.project, place.emulator, Client).instance(place.instance)
    # `instance.database()` would be a coroutine, because it binds a pool; this one has ours.
    return AsyncSpannerDatabase(Database(place.database, instance), role=role or place.role)
