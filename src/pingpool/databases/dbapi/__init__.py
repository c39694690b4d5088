"""Any other driver of PEP 249: `DBAPI`, and what is known of such drivers."""

from typing import TYPE_CHECKING

from pingpool.databases.common.on_demand import on_demand

if TYPE_CHECKING:
    from pingpool.databases.dbapi.database import DBAPI

__all__ = ["DBAPI"]

__getattr__ = on_demand(__name__, {"DBAPI": "database"}, extras={})
