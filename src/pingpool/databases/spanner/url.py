"""From `spanner://project/instance/database` to the database it names."""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from google.auth.credentials import AnonymousCredentials
from google.cloud.spanner_v1 import Client

from pingpool.databases.common.urls import check_names, split
from pingpool.databases.spanner.database import SpannerDatabase
from pingpool.databases.spanner.versions import UNMEASURED
from pingpool.errors import BadURL

KNOWN = ("emulator", "role")


@dataclass(frozen=True)
class Place:
    """What a URL says."""

    project: str
    instance: str
    database: str
    emulator: str | None
    role: str | None

    @classmethod
    def named_by(cls, url: str) -> Self:
        """Read a URL, or say what is wrong with it."""
        parts = split(url)
        if parts.username is not None:
            raise BadURL("Spanner: a URL names no user; credentials are those of the environment")
        # The project is what stands where other URLs have a host; `.netloc` keeps its case.
        names = [unquote(name) for name in (parts.netloc, *parts.path.strip("/").split("/"))]
        if len(names) != 3 or not all(names):
            raise BadURL(
                "Spanner: a URL names a project, an instance and a database: spanner://PROJECT/INSTANCE/DATABASE"
            )
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        check_names(options, KNOWN, "Spanner")
        project, instance, database = names
        return cls(
            project, instance, database, emulator=options.get("emulator") or None, role=options.get("role") or None
        )


def from_url(url: str, *, role: str | None = None) -> SpannerDatabase:
    """Return the database that `spanner://PROJECT/INSTANCE/DATABASE` names, with a client of its own.

    `role`, or `?role=NAME`, is the database role of its sessions; `?emulator=HOST:PORT` talks to an emulator there,
    without credentials, as the environment variable `SPANNER_EMULATOR_HOST` does for every client.

    Raises:
        BadURL: the URL does not name a project, an instance and a database, or has an option that is not known.
        google.auth.exceptions.DefaultCredentialsError: there is no emulator, and no credentials are set up.
    """
    place = Place.named_by(url)
    client = client_of(place.project, place.emulator)
    return SpannerDatabase(client.instance(place.instance).database(place.database), role=role or place.role)


def client_of(project: str, emulator: str | None, kind: Any = Client) -> Any:
    """Return Google's client, of this kind, for a project or for an emulator at `HOST:PORT`."""
    if not emulator:
        return kind(project)
    anonymous: Any = AnonymousCredentials  # which says nothing about its types
    return kind(project, anonymous(), client_options={"api_endpoint": emulator}, **UNMEASURED)
