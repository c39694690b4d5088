"""What the tests of SQLAlchemy do with an engine."""

from typing import Any

from sqlalchemy import Engine, text

from pingpool.plugins.sqlalchemy import PingPool

SIZE = 4
"""How many connections an engine has, if that matters."""


def pool_of(engine: Engine) -> Any:
    """Return an engine's pool; it is one of ours."""
    assert isinstance(engine.pool, PingPool)
    return engine.pool


def ask(engine: Engine, statement: str = "SELECT 1") -> Any:
    """Check a connection out, and run a statement."""
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


def fill(engine: Engine) -> list[Any]:
    """Have all connections opened, and return the driver's own."""
    lent = [engine.connect() for _ in range(pool_of(engine).size())]
    inside = [each.connection.driver_connection for each in lent]
    for each in lent:
        each.close()
    return inside
