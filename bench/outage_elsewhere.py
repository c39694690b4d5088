"""Our own pool on MariaDB and Valkey, in both worlds, in the outages that make sense there."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import outage_scenes as scenes
from bench.outage_contender import Open
from bench.outage_ours import in_asyncio, in_threads, socket_behind
from bench.outages import COLUMNS, as_data, cells, judge, measure
from bench.rounds import Effort
from bench.sheet import Row, Sheet
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.testing.servers import MariaDBServer, PrivateServer, ServerMissing, ValkeyServer


def mysql_plain(url: str) -> MySQL:
    return MySQL.from_url(url + "?ssl_disabled=true&autocommit=true")


def async_mysql_plain(url: str) -> AsyncMySQL:
    return AsyncMySQL.from_url(url + "?ssl_disabled=true&autocommit=true")


def query_mysql(session: Any, statement: str) -> Any:
    return session.query(statement)


def speak_redis(session: Any, statement: str) -> None:
    client_on(session).ping()


async def speak_redis_async(session: Any, statement: str) -> None:
    await client_on(session).ping()


def socket_in(session: Any) -> int:
    """Return the file descriptor of a session of PyMySQL's or redis-py's, -1 if it is closed."""
    return -1 if session._sock is None else int(session._sock.fileno())


def socket_written_to(session: Any) -> int:
    """Return that of a session with a stream of asyncio's."""
    return -1 if session._writer is None else socket_behind(session._writer.transport)


WORLDS: Mapping[str, Mapping[type[PrivateServer], Open]] = {
    "threads": {
        MariaDBServer: in_threads(mysql_plain, query_mysql, socket_in),
        ValkeyServer: in_threads(Redis.from_url, speak_redis, socket_in),
    },
    "asyncio": {
        MariaDBServer: in_asyncio(async_mysql_plain, query_mysql, socket_written_to),
        ValkeyServer: in_asyncio(AsyncRedis.from_url, speak_redis_async, socket_written_to),
    },
}

SCENES = {scene: play for scene, play in scenes.SCENES.items() if play is not scenes.frozen_backend}
"""All but the frozen backend: these servers are one process."""

IMPATIENT: Mapping[type[PrivateServer], Mapping[str, int]] = {
    MariaDBServer: {"wait_timeout": 2, "max_connections": 20},
    ValkeyServer: {"timeout": 2, "maxclients": 20},
}
"""Settings to drop what is idle for two seconds, and for few connections."""


def open_on(world: str, server: PrivateServer) -> Open:
    return WORLDS[world][type(server)]


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title="outages: MariaDB and Valkey in trouble",
        note=f"As on PostgreSQL: {scenes.CALLERS} callers, {scenes.SIZE} sessions.",
        columns=COLUMNS,
    )
    with ThreadPoolExecutor(len(IMPATIENT)) as stage:
        for rows, missing in stage.map(play_on, IMPATIENT):
            sheet.missing = [*sheet.missing, *missing]
            for scene, who, figures, data in rows:
                sheet.rows.append(Row([f"{scene:17} {who}", *cells(figures)], judge(scene[0], figures)))
                sheet.raw.setdefault(scene, {})[who] = figures | data
    return sheet


def play_on(kind: type[PrivateServer]) -> tuple[list[tuple[str, str, Any, Any]], list[str]]:
    """Play all scenes in both worlds on one kind of server; return what happened, or who is missing."""
    try:
        server = kind(password="right", settings=IMPATIENT[kind])
    except ServerMissing:
        return [], [kind.kind]
    rows = []
    with server:
        for world, pools in WORLDS.items():
            extra = scenes.extra_round_trips(pools[kind], server)
            for scene, play in SCENES.items():
                story = play(pools[kind], server)
                rows.append((scene, f"{kind.kind}, {world}", measure(story) | {"extra": extra}, as_data(story)))
    return rows, []
