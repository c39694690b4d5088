"""SQLAlchemy's engines: over pingpool, over its own pool, and over that with `pool_pre_ping`."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bench import outage_scenes as scenes
from bench.outage_contender import Contender
from bench.outage_peers import sqlalchemy_engine
from bench.outages import idle_together, measure, side_by_side
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, Target, at_least, at_most

PAIRS = 500
"""How many connects and closes make a round."""

DRIVERS = ("psycopg", "psycopg2")

OURS, QUEUE, PRE_PING = "pingpool", "QueuePool", "pre_ping"

MOST = 1.3
"""How many times as much as QueuePool a connect and close may cost."""

LEAST = 8.0
"""How many times as fast as pre_ping it is to be."""


def run(effort: Effort) -> Sheet:
    from pingpool.plugins.sqlalchemy import PingPool

    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    ways: dict[str, dict[str, Any]] = {OURS: {"poolclass": PingPool}, QUEUE: {}, PRE_PING: {"pool_pre_ping": True}}
    sheet = Sheet(
        title="sqlalchemy: an engine on a private PostgreSQL",
        note="Connect + close: raw_connection().close(), one thread. Outages: those of `outages`, by psycopg, with "
        f"{scenes.CALLERS} callers; cut off in a statement + dead connection handed out + failed checkout.",
        columns=["", OURS, QUEUE, PRE_PING],
    )
    with scenes.private_server(room=40) as server:
        for driver in DRIVERS:
            sheet.rows += connects(server.url, driver, ways, effort, sheet)
        contenders = [Contender(who, "sqlalchemy", sqlalchemy_engine(**options)) for who, options in ways.items()]
        sheet.rows += outages(contenders, server, sheet)
    return sheet


def connects(url: str, driver: str, ways: dict[str, dict[str, Any]], effort: Effort, sheet: Sheet) -> list[Row]:
    """Measure what a connect and close cost."""
    from sqlalchemy import create_engine

    with ExitStack() as stack:
        turns: dict[str, Callable[[], float]] = {}
        for who, options in ways.items():
            engine = create_engine(url.replace("postgresql:", f"postgresql+{driver}:"), **options)
            stack.callback(engine.dispose)
            turns[who] = microseconds(engine)
        rounds = interleave(turns, effort.rounds)
    sheet.raw[f"µs, {driver}"] = rounds.figures
    times, faster = rounds.ratio(OURS, to=QUEUE), rounds.ratio(PRE_PING, to=OURS)
    figures = [f"{rounds.median(who):.1f} µs" for who in ways]
    return [
        Row([f"connect + close, {driver}", *figures], at_most(MOST, times, " x QueuePool")),
        Row(
            [f"  ratios, {driver}", "1", f"x {times:.2f}", f"x 1/{faster:.1f}"], at_least(LEAST, faster, " x pre_ping")
        ),
    ]


def microseconds(engine: Any) -> Callable[[], float]:
    def measure_once() -> float:
        start = time.perf_counter()
        for _ in range(PAIRS):
            engine.raw_connection().close()
        return (time.perf_counter() - start) / PAIRS * 1e6

    return measure_once


def outages(contenders: list[Contender], server: Any, sheet: Sheet) -> list[Row]:
    """Count the errors of callers in three outages."""
    rows: list[Row] = []
    for scene in ("a idle kill", "b restart", "d terminated"):
        play = scenes.SCENES[scene]
        stories = idle_together(contenders, server) if play is scenes.idle else side_by_side(play, contenders, [server])
        figures = {who: measure(story) for who, story in stories.items()}
        sheet.raw[scene] = figures
        ours = figures[OURS]
        rows.append(
            Row(
                [scene, *(f"{each['cut off']} + {each['dead']} + {each['failed']} of {each['uses']}" for each in
                          figures.values())],
                Target("no failed checkout", not ours["failed"]),
            )
        )  # fmt: skip
    return rows
