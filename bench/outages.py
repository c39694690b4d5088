"""Outages: what callers of each pool notice while a real PostgreSQL is in trouble."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench import outage_scenes as scenes
from bench.outage_callers import CUT_OFF, DEAD, FAILED, seconds_until_well
from bench.outage_contender import Contender
from bench.outage_django import DJANGO
from bench.outage_ours import OURS
from bench.outage_peers import PEERS
from bench.rounds import Effort
from bench.sheet import Row, Sheet, Target
from pingpool.testing.servers import PostgresServer

AT_A_TIME = 2
"""How many contenders play at the same time, each with its own server: a scene is mostly waiting."""

STAGGER = 0.25
"""Seconds between the bursts of two contenders, where all play at the same time."""

HASTE = 0.25
"""Seconds within which all callers are to be well again."""

SLACK = 0.05
"""Seconds by which a checkout may be late."""


COLUMNS = ["", "errors", "checkout p50", "p99", "max", "extra", "connects/s", "well after"]


def run(effort: Effort) -> Sheet:
    contenders = (*OURS, *PEERS, *DJANGO)
    present = [contender for contender in contenders if contender.is_installed]
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    sheet = Sheet(
        title="outages: a private PostgreSQL in trouble",
        note=f"{scenes.CALLERS} callers, {scenes.SIZE} sessions, a use by each every {scenes.PAUSE * 1000:g} ms. "
        "Errors: cut off in a statement + dead session handed out + failed checkout. "
        "Extra: round trips per checkout beyond the statement.",
        columns=COLUMNS,
        missing=[contender.name for contender in contenders if not contender.is_installed],
    )
    names_of_ours = {contender.name for contender in OURS}
    everybody = len(present) * scenes.SIZE + scenes.CALLERS
    with ExitStack() as stack:
        roomy = stack.enter_context(scenes.private_server(everybody))
        servers = [stack.enter_context(scenes.private_server()) for _ in range(AT_A_TIME)]
        extra = {each.name: scenes.extra_round_trips(each.open, servers[0]) for each in present}
        for scene, play in scenes.SCENES.items():
            stories = idle_together(present, roomy) if play is scenes.idle else side_by_side(play, present, servers)
            for name, story in stories.items():
                figures = measure(story) | {"extra": extra[name]}
                target = judge(scene[0], figures) if name in names_of_ours else None
                sheet.rows.append(Row([f"{scene:17} {name}", *cells(figures)], target))
                sheet.raw.setdefault(scene, {})[name] = figures | as_data(story)
    return sheet


def side_by_side(
    play: Callable[[scenes.Open, PostgresServer], scenes.Story],
    contenders: list[Contender],
    servers: list[PostgresServer],
) -> dict[str, scenes.Story]:
    """Play a scene to all contenders, as many at a time as there are servers."""
    free: queue.SimpleQueue[PostgresServer] = queue.SimpleQueue()
    for server in servers:
        free.put(server)

    def act(contender: Contender) -> scenes.Story:
        server = free.get()
        try:
            return play(contender.open, server)
        finally:
            free.put(server)

    with ThreadPoolExecutor(len(servers)) as stage:
        return dict(zip([each.name for each in contenders], stage.map(act, contenders), strict=True))


def idle_together(contenders: list[Contender], server: PostgresServer) -> dict[str, scenes.Story]:
    """Play the scene of idle sessions to all contenders at once, with bursts that do not meet."""
    stories: dict[str, scenes.Story] = {}

    def play(contender: Contender) -> None:
        stories[contender.name] = scenes.idle(contender.open, server)

    threads = [threading.Thread(target=play, args=(contender,)) for contender in contenders]
    for thread in threads:
        thread.start()
        time.sleep(STAGGER)
    for thread in threads:
        thread.join()
    return {contender.name: stories[contender.name] for contender in contenders}


def measure(story: scenes.Story) -> dict[str, Any]:
    """Return the figures of a story; times are seconds."""
    waits = sorted(use.checkout for use in story.uses)
    fates = [use.fate for use in story.uses]
    return {
        "uses": len(waits),
        "cut off": fates.count(CUT_OFF),
        "dead": fates.count(DEAD),
        "failed": fates.count(FAILED),
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "max": waits[-1],
        "told": median(use.checkout for use in story.uses if use.fate == FAILED) if FAILED in fates else None,
        "connects": len(story.connects) / (story.healed - story.since) if story.connects else None,
        "well": seconds_until_well(story.uses, story.healed, scenes.CALLERS),
        "hanging": story.hanging,
    }


def as_data(story: scenes.Story) -> dict[str, Any]:
    """Return every wait and every error of a story, with times from its beginning."""
    began = story.began
    return {
        "since": story.since - began,
        "healed": story.healed - began,
        "length": max(use.ended for use in story.uses) - began,
        "waits": [round(use.checkout, 6) for use in story.uses],
        "errors": [
            {"at": round(use.ended - began, 4), "fate": use.fate, "error": use.error} for use in story.uses if use.error
        ],
    }


def cells(figures: Mapping[str, Any]) -> list[str]:
    connects, well = figures["connects"], figures["well"]
    return [
        f"{figures['cut off']} + {figures['dead']} + {figures['failed']} of {figures['uses']}",
        *(f"{figures[name] * 1000:,.2f} ms" for name in ("p50", "p99", "max")),
        f"{figures['extra']:.2f}",
        "" if connects is None else f"{connects:.1f}",
        "never" if well is None else f"{well * 1000:,.0f} ms",
    ]


def judge(scene: str, figures: Mapping[str, Any]) -> Target:
    """Compare our figures with what is promised for the scene."""
    no_fault = figures["dead"] == figures["failed"] == 0
    # A session may also die between the pool's last look and the statement.
    few = not figures["failed"] and figures["cut off"] + figures["dead"] <= scenes.SIZE
    well = figures["well"] is not None and figures["well"]
    is_gentle = (figures["connects"] or 0) <= 4
    is_told = figures["told"] is not None and figures["told"] <= SLACK
    promises: dict[str, tuple[str, bool]] = {
        "a": (
            "no error, extra 0.00, p99 < 1 ms",
            no_fault and not figures["cut off"] and round(figures["extra"], 2) == 0 and figures["p99"] < 0.001,
        ),
        "b": ("no failed checkout, well in 250 ms", few and well <= HASTE),
        "c": ("max <= ping deadline", few and figures["max"] <= 1 + SLACK),
        "d": ("none for later checkouts", few),
        "e": ("max <= 1 s + 50 ms", not figures["dead"] and figures["max"] <= 1 + SLACK),
        "f": ("max <= 1 s + 50 ms", not figures["dead"] and figures["max"] <= 1 + SLACK),
        "g": ("no failed checkout, <= 4 connects/s", few and is_gentle),
        "h": ("told at once, heals, <= 4 connects/s", well is not False and is_gentle and is_told),
    }
    return Target(*promises[scene])
