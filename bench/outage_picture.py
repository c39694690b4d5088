"""The picture of the outages: `python -m bench.outage_picture figures.json outages.svg`.

Three questions that a caller would ask, and the answer of each pool as a bar. Short bars are good; ours come first.
"""

import json
import sys
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

Story = Mapping[str, Any]

OURS = {
    "pingpool": "pingpool",
    "SQLAlchemy + pingpool": "SQLAlchemy + pingpool",
    "Django + pingpool": "Django + pingpool",
}
OTHERS = {
    "psycopg_pool": "psycopg_pool",
    "psycopg_pool check": "psycopg_pool, check",
    "SQLAlchemy": "SQLAlchemy",
    "SQLAlchemy pre_ping": "SQLAlchemy, pre_ping",
    "SQLAlchemy recycle=1": "SQLAlchemy, recycle",
    "Django pool": "Django, its pool",
    "Django CONN_MAX_AGE": "Django, CONN_MAX_AGE",
    "DBUtils": "DBUtils",
    "google PingingPool": "Google’s PingingPool",
}
NAMES = OURS | OTHERS
"""The pools that are shown, from top to bottom, and what they are called."""

WIDTH, TOP, ROW, BAR, BELOW = 1200, 128, 36, 18, 62
LEFT, PANEL, LONGEST = 226, 326, 146
"""Where the first panel begins, how far it is to the next one, and how long a bar may be."""

SLOW = 0.005
"""Seconds: a wait that one checkout in a hundred exceeds, and that is worth a word."""


class Answer(NamedTuple):
    """What a bar says: how long it is, from 0 to 1, and the words behind it."""

    share: float
    words: str
    is_endless: bool = False


class Panel(NamedTuple):
    """What happened, what is asked, and how a story answers; `most` is the longest answer of all."""

    scene: str
    happened: str
    asked: str
    answer: Callable[[Story, Mapping[str, Story]], Answer]


def errors(story: Story) -> int:
    return len(story["errors"])


def failed_share(story: Story, stories: Mapping[str, Story]) -> Answer:
    failed, uses = errors(story), story["uses"]
    words = f"{failed} of {uses}"
    if story["failed"] and uses == story["failed"]:
        return Answer(1.0, f"{words}, after {story['told']:.0f} s each")
    if failed:
        return Answer(failed / uses, words)
    if story["extra"] >= 0.5:
        return Answer(0.0, "0, by a round trip for each")
    return Answer(0.0, f"0, but 1 in 100 waited {in_words(story['p99'])}" if story["p99"] > SLOW else "0")


def failed_count(story: Story, stories: Mapping[str, Story]) -> Answer:
    return Answer(errors(story) / max(map(errors, stories.values())), str(errors(story)))


def time_until_well(story: Story, stories: Mapping[str, Story]) -> Answer:
    if story["well"] is None:
        return Answer(1.0, "never", is_endless=True)
    longest = max(each["well"] for each in stories.values() if each["well"] is not None)
    return Answer(0.8 * story["well"] / longest, in_words(story["well"]))


PANELS = (
    Panel("a idle kill", "Idle sessions were cut off", "How many of 200 uses failed?", failed_share),
    Panel("b restart", "The server was away for 2 s", "How many uses failed?", failed_count),
    Panel("b restart", "When the server was back", "How long until every caller was well again?", time_until_well),
)


def draw(outages: Mapping[str, Mapping[str, Story]]) -> str:
    height = TOP + ROW * len(NAMES) + BELOW
    title = "What callers felt: eight callers, four sessions, one PostgreSQL in trouble"
    note = (
        "Shorter is better. While the server is away, callers of pingpool, psycopg_pool and Django’s pool wait; "
        "others fail at once."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="20" y="40">{escape(title)}</text>',
        f'<rect class="ours" x="10" y="{TOP - 4}" width="{WIDTH - 20}" height="{ROW * len(OURS)}" rx="6"/>',
        *(
            f'<text class="{kind(name)} end" x="{LEFT - 22}" y="{TOP + ROW * row + 19}">{called}</text>'
            for row, (name, called) in enumerate(NAMES.items())
        ),
        *(line for place, panel in enumerate(PANELS) for line in drawn(panel, place, outages[panel.scene])),
        f'<text class="soft" x="20" y="{height - 22}">{note}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def drawn(panel: Panel, place: int, stories: Mapping[str, Story]) -> list[str]:
    x = LEFT + place * PANEL
    shown = {name: stories[name] for name in NAMES}
    parts = [
        f'<text class="head" x="{x}" y="84">{escape(panel.happened)}</text>',
        f'<text class="soft" x="{x}" y="105">{escape(panel.asked)}</text>',
        f'<path class="base" d="M{x} {TOP - 4}V{TOP + ROW * len(NAMES)}"/>',
    ]
    for row, (name, story) in enumerate(shown.items()):
        parts += bar(x, TOP + ROW * row + 5, panel.answer(story, shown), kind(name))
    return parts


def bar(x: int, y: int, answer: Answer, kind: str) -> list[str]:
    length = max(1.5, LONGEST * answer.share) if answer.share else 0
    look = "endless" if answer.is_endless else f"bar {kind}"
    return [
        f'<rect class="{look}" x="{x}" y="{y}" width="{length:.1f}" height="{BAR}"/>',
        f'<text class="{kind}" x="{x + length + 8:.1f}" y="{y + 14}">{escape(answer.words)}</text>',
    ]


def kind(name: str) -> str:
    return "first" if name in OURS else "other"


def in_words(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def colours(*, page: str, ink: str, soft: str, ours: str, first: str, other: str, base: str) -> str:
    return (
        f".page{{fill:{page}}}text{{fill:{ink}}}text.soft{{fill:{soft}}}.ours{{fill:{ours}}}.base{{stroke:{base}}}"
        f".bar.first{{fill:{first}}}.bar.other{{fill:{other}}}.endless{{fill:{page};stroke:{other}}}"
    )


LIGHT = colours(
    page="#ffffff", ink="#1d2430", soft="#5d6778", ours="#e8f0fb", first="#3f7fd9", other="#d9485f", base="#9aa4b2"
)
DARK = colours(
    page="#14181f", ink="#e6eaf0", soft="#98a2b3", ours="#1d2a3d", first="#5b9bf0", other="#f2788b", base="#5d6778"
)
STYLE = (
    "text{font:14px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "text.title{font-size:21px;font-weight:600}text.head{font-size:16px;font-weight:600}text.first{font-weight:600}"
    ".end{text-anchor:end}.base{fill:none;stroke-width:1}.endless{stroke-width:1.5;stroke-dasharray:5 4}"
    f"{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}"
)


if __name__ == "__main__":
    figures, picture = map(Path, sys.argv[1:3])
    picture.write_text(draw(json.loads(figures.read_text())["benches"]["outages"]["raw"]))
