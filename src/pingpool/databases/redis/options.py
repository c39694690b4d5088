"""What a URL says of a Redis or Valkey server, and which driver speaks to it."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from pingpool.databases.common.urls import Target, switch, take_apart
from pingpool.errors import BadURL

DRIVERS = ("redis", "valkey")

TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")

INSTEAD = {
    "ssl": "rediss:// and valkeys:// speak TLS",
    "path": "redis+unix:///path/to/socket?db=0 names a socket in the file system",
    "driver": "redis:// prefers redis-py, valkey:// valkey-py",
}
SWITCHES = ("decode_responses", "legacy_responses", "retry_on_timeout", "socket_keepalive", "ssl_check_hostname")
KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("db", "health_check_interval", "protocol", "socket_read_size"), int),
    **dict.fromkeys(("socket_connect_timeout", "socket_timeout"), float),
    **dict.fromkeys(SWITCHES, switch),
}
"""How options of the drivers are read that are not text."""

TEXTS = {
    *("client_name", "encoding", "encoding_errors", "lib_name", "lib_version", "redis_client_name", "role"),
    *(*TLS_FILES, "ssl_cert_reqs", "ssl_ca_data", "ssl_ciphers", "ssl_password"),
}


def arguments(url: str) -> dict[str, Any]:
    """Return what a URL says as the arguments of `Redis` or `AsyncRedis`. Raises `BadURL`."""
    is_file = url.partition(":")[0].endswith("+unix")
    elsewhere = {"host", "port", "db", "username", "password"} - ({"db"} if is_file else set())
    target = take_apart(url, KINDS, elsewhere=elsewhere, instead=INSTEAD)
    for name in target.options:
        if name not in TEXTS | KINDS.keys() and name in options_of(first_driver().connection.SSLConnection):
            raise BadURL(f"{name} is no option of a URL: it is an object; write pingpool.open(url, {name}=…)")
    return {
        **(socket_in(target) if is_file else host_in(target)),
        "username": target.user,
        "password": target.password,
        "driver": first_driver("valkey" if target.scheme.startswith("valkey") else "redis"),
        **target.options,
    }


def host_in(target: Target) -> dict[str, Any]:
    """Return where a URL says the server is. Raises `BadURL` if its path is no number of a database."""
    db = target.path or "0"
    if not db.isdecimal():
        raise BadURL(f"Redis: the path names a database by its number, not {db!r}")
    is_tls = target.scheme in ("rediss", "valkeys")
    return {"host": target.host or "localhost", "port": target.port or 6379, "db": int(db), "ssl": is_tls}


def socket_in(target: Target) -> dict[str, Any]:
    """Return the socket in the file system that a URL names. Raises `BadURL` if it names none, or a host."""
    if target.host or not target.path:
        wrong = "names a host" if target.host else "names no socket"
        raise BadURL(f"Redis: the URL {wrong}; {target.scheme}:///path/to/socket?db=0 is meant")
    return {"path": f"/{target.path}"}


def first_driver(preferred: str = DRIVERS[0]) -> Any:
    """Return the preferred driver if it is installed, or else the other one: they speak the same protocol."""
    for name in sorted(DRIVERS, key=lambda name: name != preferred):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError('Redis and Valkey need redis-py or valkey-py: pip install "pingpool[redis]"')


def options_of(kind: Any) -> set[str]:
    """Return the names of the options that this kind of connection takes."""
    return {name for each in kind.__mro__ for name in inspect.signature(each.__init__).parameters} - {"self", "kwargs"}
