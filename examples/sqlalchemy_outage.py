"""An application of SQLAlchemy's whose PostgreSQL is killed and restarted: over pingpool, and over QueuePool.

    python examples/sqlalchemy_outage.py

Needs `pip install 'pingpool[sqlalchemy,postgres,servers]'`. Each request takes an order: the ORM writes it,
and commits.
"""

import logging
from typing import Any

from outage import play
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pingpool.plugins.sqlalchemy import PingPool
from pingpool.testing.servers import PostgresServer

SIZE = 4
WAYS: dict[str, dict[str, Any]] = {
    "PingPool": {"poolclass": PingPool, "pool_size": SIZE},
    "QueuePool": {"pool_size": SIZE, "max_overflow": 0},
    "  with pre_ping": {"pool_size": SIZE, "max_overflow": 0, "pool_pre_ping": True},
}


class Base(DeclarativeBase):
    """What the tables are made of."""


class Order(Base):
    """What somebody wants."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]


def take_order(engine: Engine) -> bool:
    """Take an order, and tell whether that went well."""
    try:
        with Session(engine) as session, session.begin():
            session.add(Order(item="tea"))
    except SQLAlchemyError:
        return False
    return True


def main() -> None:
    """Play the outages to an engine for each way."""
    for pools_of_sqlalchemy in ("sqlalchemy.pool", "pingpool.plugins.sqlalchemy"):
        logging.getLogger(pools_of_sqlalchemy).setLevel(logging.CRITICAL)
    with PostgresServer() as server:
        url = server.url.replace("postgresql:", "postgresql+psycopg:")
        engines = {way: create_engine(url, pool_logging_name="shop", **options) for way, options in WAYS.items()}
        Base.metadata.create_all(engines["PingPool"])
        play(server, {way: way for way in WAYS}, lambda way: take_order(engines[way]))
        for each in engines.values():
            each.dispose()


if __name__ == "__main__":
    main()
