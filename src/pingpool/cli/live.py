"""The live view: each slot as a lane, the waiters, the counts and the waits. It can be read without colours, too."""

import time
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pingpool.cli.accounts import ACCOUNTS
from pingpool.cli.ambush import DROPPED, INTERRUPTED, KILLED_IDLE, KILLED_IN_USE
from pingpool.cli.scene import Scene
from pingpool.cli.waits import NAMES, in_words
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, VACANT, State
from pingpool.telemetry.timeline import Lane, Mark

FRAME = 1 / 12
"""Seconds between two pictures."""

CELL = 0.05
"""Seconds for each character of a lane."""

MOST_LANES = 12
"""Of more slots only the first are shown."""

OTHER_LINES = 18
"""What is not a lane."""


class Look(NamedTuple):
    """A sign of its own, for those who see no colours; its colour; and the word in the legend."""

    sign: str
    colour: str
    word: str


LOOKS: dict[State | None, Look] = {
    IN_USE: Look("▆", "blue", "in use"),
    IDLE: Look("▁", "green", "idle"),
    CHECKING: Look("▒", "magenta", "pinged"),
    RESETTING: Look("▓", "cyan", "reset"),
    CREATING: Look("█", "yellow", "created"),
    CLOSING: Look("░", "bright_black", "closed"),
    VACANT: Look(".", "red", "vacant"),
    None: Look(" ", "default", ""),
}
STRIKES = {KILLED_IDLE: "×", KILLED_IN_USE: "◆", DROPPED: "▼", INTERRUPTED: "↯"}
"""What a strike looks like, in the lane that it hit."""

COLUMNS = " ▁▂▃▄▅▆▇█"
BAR = "━"


def show(scene: Scene, console: Console) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while left := scene.left():
            live.update(picture(scene, console.width, console.height), refresh=True)
            time.sleep(min(FRAME, left))


def picture(scene: Scene, width: int, height: int) -> RenderableType:
    most = max(1, min(MOST_LANES, height - OTHER_LINES))
    return Group(
        headline(scene, width),
        Text(),
        lanes(scene, max(10, width - 24), most),
        legend(),
        Text(),
        numbers(scene, width),
    )


def headline(scene: Scene, width: int) -> Text:
    plan = scene.plan
    what = f"{plan.workers} workers, {plan.size} sessions, {ACCOUNTS} accounts, one saboteur  "
    left = f"  {scene.left():.1f} s left"
    length = max(0, width - len(what) - len(left) - 1)
    done = min(length, round(length * scene.elapsed() / plan.seconds))
    return Text.assemble((what, "bold"), (BAR * done, "blue"), (BAR * (length - done), "bright_black"), left)


def lanes(scene: Scene, length: int, most: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(min_width=length)
    table.add_column(min_width=max(len(state.value) for state in State))
    now = scene.timeline.now()
    start = now - length * CELL
    marks = [mark for mark in scene.timeline.marks.copy() if start < mark.when < now]
    for number, lane in enumerate(scene.timeline.lanes[:most]):
        strikes = [mark for mark in marks if mark.lane == number]
        word = Text(lane.state.value, LOOKS[lane.state].colour)
        table.add_row(Text(f"slot {number + 1:2}", "bold"), strip(lane, strikes, start, now, length), word)
    if len(scene.timeline.lanes) > most:
        table.add_row("", Text(f"and {len(scene.timeline.lanes) - most} more", "bright_black"), "")
    lengths = scene.timeline.queue_lengths(start, now, length)
    table.add_row(Text("waiting", "bold"), sparkline(lengths), Text(str(lengths[-1])))
    return table


def strip(lane: Lane, strikes: list[Mark], start: float, now: float, length: int) -> Text:
    """Draw what a slot did from `start` until now, with the strikes that hit it."""
    cells = [(LOOKS[state].sign, LOOKS[state].colour) for state in lane.prevailing(start, now, length)]
    for mark in strikes:
        cells[min(length - 1, int((mark.when - start) / CELL))] = STRIKES[mark.what], "bold red"
    return Text.assemble(*cells)


def legend() -> Text:
    """Say what the signs in the lanes mean; those of the strikes stand beside their counts."""
    words = [(f"{look.sign} {look.word}  ", look.colour) for look in LOOKS.values() if look.word]
    return Text.assemble(" " * 8, *words)


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
    sabotage = {f"{sign} {kind}": str(strikes[kind]) for kind, sign in STRIKES.items()}
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
