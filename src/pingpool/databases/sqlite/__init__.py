"""SQLite: `SQLite` by the standard library, `AsyncSQLite` by aiosqlite."""

from typing import TYPE_CHECKING

from pingpool.databases.common.on_demand import on_demand

if TYPE_CHECKING:
    from pingpool.databases.sqlite.aiosqlite import AsyncSQLite
    from pingpool.databases.sqlite.connection import Connection
    from pingpool.databases.sqlite.sqlite3 import SQLite

__all__ = ["AsyncSQLite", "Connection", "SQLite"]

__getattr__ = on_demand(
    __name__,
    {"AsyncSQLite": "aiosqlite", "Connection": "connection", "SQLite": "sqlite3"},
    extras={"aiosqlite": "aiosqlite"},
)
