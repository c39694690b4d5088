"""The database of the private MariaDB, for tests by PyMySQL."""

import pytest

from pingpool.databases.mysql import MySQL
from pingpool.testing.servers import MariaDBServer
from tests.databases.mysql_lab import PLAIN


@pytest.fixture
def mysql(mariadb_server: MariaDBServer) -> MySQL:
    """The database of the private server."""
    return MySQL.from_url(mariadb_server.url + PLAIN)
