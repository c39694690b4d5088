"""What a user may say of a MySQL or MariaDB server: in a URL, and in PyMySQL's words, which aiomysql shares."""

from collections.abc import Callable, Mapping
from typing import Any

from pingpool.databases.common.addresses import shown
from pingpool.databases.common.urls import switch, take_apart
from pingpool.databases.mysql.tls import SWITCHES as TLS_SWITCHES
from pingpool.errors import BadURL

OTHER_PLACES = ("unix_socket", "read_default_file", "read_default_group")
"""The options that say where the server is, when host and port do not."""

OBJECTS = ("connect", "conv", "cursorclass", "auth_plugin_map", "loop")
HARMFUL = ("init_command", *OTHER_PLACES[1:], "local_infile")
INSTEAD = {
    **{name: f"it is an object; write pingpool.open(url, {name}=…)" for name in OBJECTS},
    **{
        name: f"it runs or reads something, and URLs come from anywhere; write pingpool.open(url, {name}=…)"
        for name in HARMFUL
    },
}
ELSEWHERE = ("host", "port", "user", "password", "passwd", "database", "db")
WHOLE = ("connect_timeout", "read_timeout", "write_timeout", "client_flag", "max_allowed_packet")
SWITCHES = (*TLS_SWITCHES, "ssl", "autocommit", "use_unicode", "echo")

KINDS: dict[str, Callable[[str], Any]] = {**dict.fromkeys(WHOLE, int), **dict.fromkeys(SWITCHES, switch)}
"""How options are read that are not text."""


def arguments(url: str) -> dict[str, Any]:
    """Return what a URL says as the arguments of `MySQL` or `AsyncMySQL`. Raises `BadURL`."""
    target = take_apart(url, KINDS, elsewhere=ELSEWHERE, instead=INSTEAD)
    if "/" in target.path:
        raise BadURL(f"MySQL: the name of a database has no slash: {target.path!r}")
    place = {"host": target.host, "port": target.port, "database": target.path or None}
    return {**place, "user": target.user, "password": target.password or "", **target.options}


def placed(where: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to connect, in the driver's words: to this machine, if nothing says where the server is."""
    if any(where.get(name) for name in OTHER_PLACES):
        return {**where}
    return {**where, "host": where["host"] or "localhost", "port": where["port"] or 3306}


def named(where: Mapping[str, Any]) -> str:
    """Return where that is, for errors and logs."""
    places = {name: where[name] for name in ("host", "port", *OTHER_PLACES) if where.get(name)}
    account = {name: where[name] for name in ("user", "database")}
    return ", ".join(f"{name}={shown(it)}" for name, it in {**places, **account}.items())


def driver() -> Any:
    """Return PyMySQL; only who does without another driver needs it."""
    try:
        import pymysql
    except ImportError as missing:
        raise ImportError(f'MySQL needs PyMySQL, or connect=: pip install "pingpool[mysql]" ({missing})') from missing
    return pymysql


def check_charset(name: str | None) -> None:
    """Refuse a character set that PyMySQL does not know, over which it would stumble. Raises `BadURL`."""
    if name and driver().charset.charset_by_name(name) is None:
        raise BadURL(f"PyMySQL knows no charset {name!r}")


def on_the_wire(password: str | None) -> bytes:
    """Write a password as the server has it: the driver would write Latin-1, or raise."""
    return (password or "").encode(errors="surrogateescape")  # the environment may hold any bytes
