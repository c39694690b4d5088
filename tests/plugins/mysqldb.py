"""Where Django looks for mysqlclient."""


def have_mysql() -> None:
    """Let PyMySQL stand where Django looks for mysqlclient, if that is not installed."""
    try:
        import MySQLdb  # noqa: F401
    except ImportError:
        import pymysql

        pymysql.version_info = (2, 2, 1, "final", 0)  # as Django asks for
        pymysql.install_as_MySQLdb()
