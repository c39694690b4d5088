"""The engines that the tests of SQLAlchemy are given."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from pingpool.plugins.sqlalchemy import PingPool
from tests.databases.waiting import SOON


@pytest.fixture
def engine_of() -> Iterator[Callable[..., Engine]]:
    """Make engines, which are disposed of at the end."""
    engines: list[Engine] = []

    def make(url: str, **options: Any) -> Engine:
        engines.append(create_engine(url, poolclass=PingPool, **{"pool_timeout": SOON, **options}))
        return engines[-1]

    yield make
    for each in engines:
        each.dispose()


@pytest.fixture
def engine(engine_of: Callable[..., Engine], tmp_path: Path) -> Engine:
    """An engine on a file of SQLite's, with one connection."""
    return engine_of(f"sqlite:///{tmp_path / 'shop.db'}", pool_size=1)
