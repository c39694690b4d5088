"""The picture of the fleet: `python -m bench.fleet_picture figures.json fleet.svg`.

A strip for each scene: time from left to right, and how much met the server in each tenth of a second, against the
worst of them. A line marks what each tenth of a second may bring. All have one scale of time, below the last.
"""

import json
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from bench.fleet import TENTH, Strip

WIDE, HIGH, LEFT, RIGHT, GAP, TOP, FOOT = 560, 44, 352, 176, 14, 92, 24
LENGTH = 12.0
"""Seconds that a strip shows."""

TICK = 3
"""Seconds between two marks of the scale."""

PINGS, CONNECTS, BOUND = "#4070b0", "#e0a030", "#c02020"

STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1d2430}"
    "text.title{font-size:17px;font-weight:600}text.name{font-weight:600}text.soft{fill:#5d6778}"
    ".page{fill:#ffffff}.strip{fill:#f1f3f6}"
    "@media (prefers-color-scheme:dark){text{fill:#e6eaf0}text.soft{fill:#98a2b3}"
    ".page{fill:#14181f}.strip{fill:#1d2a3d}}"
)
TITLE = "What meets a server in each tenth of a second, whose clients all do the same at once"


def draw(scenes: Mapping[str, Mapping[str, Any]]) -> str:
    parts = heading()
    y = TOP
    for name, story in scenes.items():
        parts += strip(y, name, Strip(**story))
        y += HIGH + GAP
    parts += scale(y - GAP)
    width, height = LEFT + WIDE + RIGHT, y - GAP + FOOT
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    paper = f'<title>{TITLE}</title><style>{STYLE}</style><rect class="page" width="100%" height="100%"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{"".join(parts)}</svg>\n'


def heading() -> list[str]:
    """Return the parts above the scenes: what the picture is about, and what its colours mean."""
    parts = [
        words(16, 28, TITLE, look="title"),
        words(16, 48, "Processes × sessions. Each strip is as high as its worst tenth of a second.", look="soft"),
        words(LEFT + WIDE + 8, TOP - 12, "the worst, of all sessions", look="soft"),
    ]
    for x, colour, what in ((LEFT, PINGS, "pings"), (LEFT + 80, CONNECTS, "connects")):
        parts.append(f'<rect x="{x}" y="{TOP - 22}" width="12" height="12" fill="{colour}"/>')
        parts.append(words(x + 18, TOP - 12, what))
    return parts


def scale(y: float) -> list[str]:
    """Return the marks of time below the last strip."""
    return [
        words(LEFT + WIDE * second / LENGTH, y + 16, f"{second} s", anchor="middle", look="soft")
        for second in range(0, round(LENGTH) + 1, TICK)
    ]


def strip(y: float, name: str, story: Strip) -> list[str]:
    """Return the parts of one scene: its first seconds, each tenth a bar."""
    counts = story.counts[: round(LENGTH / TENTH)]
    most, bar = max(counts), WIDE * TENTH / LENGTH
    bars = "".join(
        f"M{LEFT + place * bar:.1f} {y + HIGH}v{-HIGH * count / most:.1f}h{bar:.2f}V{y + HIGH}z"
        for place, count in enumerate(counts)
        if count
    )
    colour = PINGS if story.whole is None else CONNECTS
    whole = "" if story.whole is None else f"whole after {story.whole:.1f} s"
    parts = [
        words(LEFT - 10, y + HIGH / 2 - (2 if whole else -4), name.replace(" x ", " × "), anchor="end", look="name"),
        words(LEFT - 10, y + HIGH / 2 + 14, whole, anchor="end", look="soft"),
        f'<rect x="{LEFT}" y="{y}" width="{WIDE}" height="{HIGH}" class="strip"/>',
        f'<path d="{bars}" fill="{colour}"/>',
        words(LEFT + WIDE + 8, y + 11, f"{most:,} in 0.1 s: {story.burst:.1%}"),
    ]
    bound = y + HIGH * (1 - story.bound * story.sessions / most)
    if story.whole is not None and bound >= y:
        parts.append(f'<path d="M{LEFT} {bound:.1f}h{WIDE}" stroke="{BOUND}" stroke-width="1" stroke-dasharray="4 3"/>')
    return parts


def words(x: float, y: float, text: str, anchor: str = "start", look: str = "plain") -> str:
    place = f'class="{look}" x="{x:g}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


if __name__ == "__main__":
    figures, picture = map(Path, sys.argv[1:3])
    picture.write_text(draw(json.loads(figures.read_text())["benches"]["fleet"]["raw"]))
