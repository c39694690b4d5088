"""The `ENGINE` for MySQL and MariaDB, by mysqlclient, or by PyMySQL in its name."""
