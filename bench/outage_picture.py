"""The picture of the outages: `python -m bench.outage_picture figures.json outages.svg`.

A strip for each pool and scene: time from left to right, a stroke for every error, grey for the outage, then the
number of errors and the longest wait for a session.
"""

import json
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from bench.outage_callers import CUT_OFF, DEAD, FAILED

COLOURS = {CUT_OFF: "#e0a030", DEAD: "#c02020", FAILED: "#7050c0"}
TROUBLE = "#d8d8d8"
WIDE, STRIP, LEFT, RIGHT, GAP, TOP = 560, 14, 190, 200, 26, 40


def draw(outages: Mapping[str, Mapping[str, Any]]) -> str:
    parts: list[str] = []
    y = TOP
    for scene, stories in outages.items():
        length = max(story["length"] for story in stories.values())
        parts.append(words(8, y + 10, scene, weight="bold"))
        y += 16
        for name, story in stories.items():
            parts += strip(y, name, story, length)
            y += STRIP + 3
        parts.append(words(LEFT + WIDE, y + 9, f"{length:.0f} s", anchor="end"))
        y += GAP
    legend = "".join(
        f'<rect x="{LEFT + place * 180}" y="10" width="10" height="10" fill="{colour}"/>'
        + words(LEFT + place * 180 + 15, 19, meaning)
        for place, (meaning, colour) in enumerate({**COLOURS, "the outage": TROUBLE}.items())
    )
    width = LEFT + WIDE + RIGHT
    size = f'width="{width}" height="{y}" viewBox="0 0 {width} {y}"'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{legend}{"".join(parts)}</svg>\n'


def strip(y: float, name: str, story: Mapping[str, Any], length: float) -> list[str]:
    scale = WIDE / length
    since, healed = story["since"] * scale, story["healed"] * scale
    outage = max(1.0, healed - since)
    parts = [
        words(LEFT - 8, y + 11, name, anchor="end"),
        f'<rect x="{LEFT}" y="{y}" width="{WIDE}" height="{STRIP}" fill="#f4f4f4"/>',
        f'<rect x="{LEFT + since:.1f}" y="{y}" width="{outage:.1f}" height="{STRIP}" fill="{TROUBLE}"/>',
    ]
    for fate, colour in COLOURS.items():
        places = sorted({LEFT + round(error["at"] * scale) for error in story["errors"] if error["fate"] == fate})
        strokes = "".join(f"M{place} {y}v{STRIP}" for place in places)
        parts.append(f'<path d="{strokes}" stroke="{colour}" stroke-width="1.2"/>' if places else "")
    parts.append(words(LEFT + WIDE + 62, y + 11, f"{len(story['errors'])} errors", anchor="end"))
    parts.append(words(LEFT + WIDE + 70, y + 11, f"longest wait {in_words(story['max'])}"))
    return parts


def in_words(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def words(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    style = f'font-family="sans-serif" font-size="11" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    figures, picture = map(Path, sys.argv[1:3])
    picture.write_text(draw(json.loads(figures.read_text())["benches"]["outages"]["raw"]))
