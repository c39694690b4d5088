"""The table of cases, and how a case gets into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from pingpool.databases.spanner.versions import KNOWS_ROLES
from tests.databases.spanner_lab import Lab

LABELS = {"team": "a"}
INTERNAL = grpc.StatusCode.INTERNAL


@dataclass(frozen=True)
class Case:
    """One promise."""

    check: Callable[[Lab], None]
    upstream_keeps_it: bool
    server: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """The name of the function, for the report."""
        return self.check.__name__


CASES: list[Case] = []


def promise(*, upstream: str, **server: Any) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Note a case: does Google's own class keep it or break it, and what has its server to be like?"""
    assert upstream in ("keeps", "breaks")

    def note(check: Callable[[Lab], None]) -> Callable[[Lab], None]:
        CASES.append(Case(check, upstream == "keeps", server))
        return check

    return note


def only_with_roles() -> None:
    """Skip the case where the client is too old to know of roles."""
    if not KNOWS_ROLES:
        pytest.skip("this client knows no roles")
