"""The Django project of the benches, to which each adds its databases."""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

adding = Lock()


def add(databases: Mapping[str, Mapping[str, Any]]) -> None:
    """Add databases, by their aliases. Meanwhile others may go through those that are there."""
    configure()
    from django.db import connections

    with adding:
        more = connections.configure_settings({"default": {}, **databases})
        connections.settings = {**connections.settings, **more}


@cache
def configure() -> None:
    import django
    from django.conf import settings

    settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, SECRET_KEY="for a bench")
    django.setup()
