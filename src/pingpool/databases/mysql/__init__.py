"""MySQL and MariaDB: `MySQL` by PyMySQL or another PEP 249 driver, `AsyncMySQL` by aiomysql."""

from typing import TYPE_CHECKING

from pingpool.databases.common.on_demand import on_demand

if TYPE_CHECKING:
    from pingpool.databases.mysql.aiomysql import AsyncMySQL
    from pingpool.databases.mysql.database import MySQL

__all__ = ["AsyncMySQL", "MySQL"]

__getattr__ = on_demand(__name__, {"AsyncMySQL": "aiomysql", "MySQL": "database"}, extras={"aiomysql": "aiomysql"})
