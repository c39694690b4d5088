"""The live view: each slot as a lane, the waiters, the counts and the waits."""

import time
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pingpool.cli.accounts import ACCOUNTS
from pingpool.cli.ambush import DROPPED, INTERRUPTED, KILLED_IDLE, KILLED_IN_USE
from pingpool.cli.scene import Scene
from pingpool.cli.waits import NAMES, in_words
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, VACANT, State

FRAME = 1 / 12
"""Seconds between two pictures."""

CELL = 0.05
"""Seconds for each character of a lane."""

MOST_LANES = 12
"""Of more slots only the first are shown."""

COLOURS: dict[State | None, str] = {
    IN_USE: "blue",
    IDLE: "green",
    CHECKING: "magenta",
    RESETTING: "cyan",
    CREATING: "yellow",
    CLOSING: "bright_black",
    VACANT: "red",
    None: "default",
}
BLOCKS: dict[State | None, str] = {IDLE: "▁", VACANT: "▁", IN_USE: "▆", None: " "}
COLUMNS = " ▁▂▃▄▅▆▇█"
BAR = "━"


def show(scene: Scene, console: Console) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while left := scene.left():
            live.update(picture(scene, console.width), refresh=True)
            time.sleep(min(FRAME, left))


def picture(scene: Scene, width: int) -> RenderableType:
    return Group(headline(scene, width), Text(), lanes(scene, max(10, width - 24)), Text(), numbers(scene, width))


def headline(scene: Scene, width: int) -> Text:
    plan = scene.plan
    what = f"{plan.workers} workers, {plan.size} sessions, {ACCOUNTS} accounts, one saboteur  "
    left = f"  {scene.left():.1f} s left"
    length = max(0, width - len(what) - len(left) - 1)
    done = min(length, round(length * scene.elapsed() / plan.seconds))
    return Text.assemble((what, "bold"), (BAR * done, "blue"), (BAR * (length - done), "bright_black"), left)


def lanes(scene: Scene, length: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(min_width=length)
    table.add_column(min_width=max(len(state.value) for state in State))
    now = scene.timeline.now()
    for number, lane in enumerate(scene.timeline.lanes[:MOST_LANES]):
        states = lane.prevailing(now - length * CELL, now, max(1, length))
        strip = Text()
        for state, same in groupby(states):
            strip.append(BLOCKS.get(state, "█") * len(list(same)), COLOURS[state])
        table.add_row(Text(f"slot {number + 1:2}", "bold"), strip, Text(lane.state.value, COLOURS[lane.state]))
    if len(scene.timeline.lanes) > MOST_LANES:
        table.add_row("", Text(f"and {len(scene.timeline.lanes) - MOST_LANES} more", "bright_black"), "")
    lengths = scene.timeline.queue_lengths(now - length * CELL, now, length)
    table.add_row(Text("waiting", "bold"), sparkline(lengths), Text(str(lengths[-1])))
    return table


def sparkline(values: list[int]) -> str:
    most = max(values) or 1
    return "".join(COLUMNS[-(-value * (len(COLUMNS) - 1) // most)] for value in values)


def numbers(scene: Scene, width: int) -> Table:
    stats, strikes, notes = scene.stats(), scene.strikes(), scene.bank.notes
    half, nearly_all = notes.waits.percentiles(50, 99)
    service = {
        "transfers": f"{len(notes.transfers):,}",
        "per second": f"{scene.rate():,}",
        "pings": f"{stats.pings:,}",
        "created": f"{stats.created:,}",
        "wait, p50": in_words(half),
        "wait, p99": in_words(nearly_all),
    }
    sabotage = {kind: str(strikes[kind]) for kind in (KILLED_IDLE, KILLED_IN_USE, DROPPED, INTERRUPTED)}
    replaced = {f"replaced: {reason}": str(count) for reason, count in sorted(stats.replaced.items())}
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0), pad_edge=False)
    table.add_row(
        counts("the pool", service),
        counts("the saboteur", {**sabotage, "": "", **replaced}),
        waits(notes.waits.histogram(), max(6, min(40, width - 72))),
    )
    return table


def counts(heading: str, rows: dict[str, str]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(heading, min_width=13, no_wrap=True)
    table.add_column("", justify="right", min_width=6, no_wrap=True)
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def waits(histogram: list[int], length: int) -> Table:
    """Draw the histogram of waits; every bar that is not empty can be seen."""
    most = max(histogram) or 1
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("waits", min_width=13, justify="right", no_wrap=True)
    table.add_column("", min_width=length, no_wrap=True)
    for name, count in zip(NAMES, histogram, strict=True):
        table.add_row(name, Text("█" * -(-length * count // most), "blue"))
    return table
