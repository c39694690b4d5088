"""PostgreSQL: `Postgres` and `AsyncPostgres` by psycopg 3, `AsyncPG` by asyncpg."""

from typing import TYPE_CHECKING

from pingpool.databases.common.on_demand import on_demand

if TYPE_CHECKING:
    from pingpool.databases.postgres.asyncpg import AsyncPG
    from pingpool.databases.postgres.psycopg import Postgres
    from pingpool.databases.postgres.psycopg_async import AsyncPostgres

__all__ = ["AsyncPG", "AsyncPostgres", "Postgres"]

__getattr__ = on_demand(
    __name__,
    {"AsyncPG": "asyncpg", "AsyncPostgres": "psycopg_async", "Postgres": "psycopg"},
    extras={"asyncpg": "asyncpg", "psycopg": "postgres", "psycopg_async": "postgres"},
)
