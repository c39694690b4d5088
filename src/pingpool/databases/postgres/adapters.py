"""The adapters of a psycopg connection, by which values go to and fro: whether a holder registered some, and without.

A connection has a map of its own as soon as it needs one, made from a common one. A map shares what it was made from
until something is registered in it, so that a look at what is shared tells, without a comparison of their contents.
"""

from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap

from pingpool.databases.common.records import Records


class Adapters:
    """The adapters that new sessions have: those of the `context` they are opened with, or else the common ones."""

    def __init__(self, context: Any = None) -> None:
        self._given: AdaptersMap | None = context.adapters if context is not None else None
        self._first: Records[AdaptersMap] = Records()

    def remember(self, session: Any) -> None:
        """Note what a new session has of its own."""
        if self.changed(session):
            self._first.note(session, AdaptersMap(session.adapters))

    def begin_anew(self, session: Any) -> None:
        """Count what was configured as changed: it will be configured again."""
        self._first.drop(session)

    def changed(self, session: Any) -> bool:
        """Has something been registered in the session, or, since it made its map, in the common one?"""
        mine: Any = session._adapters
        return mine is not None and not share_all(mine, self._first.of(session) or self._given or psycopg.adapters)

    def put_back(self, session: Any) -> None:
        """Have the session make its map anew."""
        if self.changed(session):
            first = self._first.of(session) or self._given
            session._adapters = AdaptersMap(first) if first is not None else None


def share_all(one: Any, other: Any) -> bool:
    """Do two maps share all that is in them? What is shared is not compared any further."""
    return bool(
        one._loaders == other._loaders
        and one._dumpers == other._dumpers
        and one._dumpers_by_oid == other._dumpers_by_oid
        and one.types._registry is other.types._registry
    )
