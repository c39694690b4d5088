"""The picture of the fleet: `python -m bench.fleet_picture figures.json fleet.svg`.

A strip for each scene: time from left to right, and how much met the server in each tenth of a second, against the
worst of them. A line marks what each tenth of a second may bring.
"""

import json
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from bench.fleet import TENTH, Strip

WIDE, HIGH, LEFT, RIGHT, GAP, TOP = 560, 44, 330, 170, 22, 14
LENGTH = 12.0
"""Seconds that a strip shows."""

PINGS, CONNECTS, BOUND = "#4070b0", "#e0a030", "#c02020"

STYLE = (
    "text{font:11px sans-serif;fill:#1d2430}.page{fill:#ffffff}.strip{fill:#f4f4f4}"
    "@media (prefers-color-scheme:dark){text{fill:#e6eaf0}.page{fill:#14181f}.strip{fill:#1d2a3d}}"
)
TITLE = "What meets a server in each tenth of a second, whose clients all do the same at once"


def draw(scenes: Mapping[str, Mapping[str, Any]]) -> str:
    parts: list[str] = []
    y = TOP
    for name, story in scenes.items():
        parts += strip(y, name, Strip(**story))
        y += HIGH + GAP
    width = LEFT + WIDE + RIGHT
    size = f'width="{width}" height="{y}" viewBox="0 0 {width} {y}"'
    paper = f'<title>{TITLE}</title><style>{STYLE}</style><rect class="page" width="100%" height="100%"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{"".join(parts)}</svg>\n'


def strip(y: float, name: str, story: Strip) -> list[str]:
    """Return the parts of one scene: its first seconds, each tenth a bar."""
    counts = story.counts[: round(LENGTH / TENTH)]
    most, bar = max(counts), WIDE * TENTH / LENGTH
    bars = "".join(
        f"M{LEFT + place * bar:.1f} {y + HIGH}v{-HIGH * count / most:.1f}h{bar:.2f}V{y + HIGH}z"
        for place, count in enumerate(counts)
        if count
    )
    colour, what = (PINGS, "pings") if story.whole is None else (CONNECTS, "connects")
    whole = "" if story.whole is None else f", whole after {story.whole:.1f} s"
    parts = [
        words(LEFT - 8, y + HIGH / 2, name, anchor="end"),
        words(LEFT - 8, y + HIGH / 2 + 14, f"{what}{whole}", anchor="end"),
        f'<rect x="{LEFT}" y="{y}" width="{WIDE}" height="{HIGH}" class="strip"/>',
        f'<path d="{bars}" fill="{colour}"/>',
        words(LEFT + WIDE + 8, y + 9, f"{most:,} in 0.1 s: {story.burst:.1%}"),
        words(LEFT + WIDE, y + HIGH + 12, f"{LENGTH:.0f} s", anchor="end"),
    ]
    bound = y + HIGH * (1 - story.bound * story.sessions / most)
    if story.whole is not None and bound >= y:
        parts.append(f'<path d="M{LEFT} {bound:.1f}h{WIDE}" stroke="{BOUND}" stroke-width="1" stroke-dasharray="4 3"/>')
    return parts


def words(x: float, y: float, text: str, anchor: str = "start") -> str:
    place = f'x="{x}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


if __name__ == "__main__":
    figures, picture = map(Path, sys.argv[1:3])
    picture.write_text(draw(json.loads(figures.read_text())["benches"]["fleet"]["raw"]))
