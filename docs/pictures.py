"""Draws the pictures of docs/how-it-works.md: `python docs/pictures.py` writes them beside this file."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, MARGIN, HEAD, STEP = 960, 90, 96, 46
RUN, NOTE = 30, 44
"""Pixels: the height of a heading, and of a note."""


class Says(NamedTuple):
    """One tells another something; the answer to a question is a dashed arrow, a bad end is red."""

    who: str
    whom: str
    what: str
    look: str = "asks"


class Thinks(NamedTuple):
    """What one does by himself."""

    who: str
    what: str
    look: str = "note"


class Now(NamedTuple):
    """What the steps that follow are about."""

    what: str


Step = Says | Thinks | Now


class Picture(NamedTuple):
    title: str
    actors: tuple[str, ...]
    steps: tuple[Step, ...]


PICTURES = {
    "get.svg": Picture(
        "One get(), from the caller to the server and back",
        ("caller", "pool", "workers", "server"),
        (
            Now("The fast way: a session is idle, and was proven lately"),
            Says("caller", "pool", "get(timeout=1)"),
            Thinks("pool", "takes the one that was proven longest ago, and looks at its socket: 1 µs"),
            Says("pool", "caller", "the session", "answers"),
            Now("The slow way: none is idle, or its proof is too old"),
            Says("caller", "pool", "get(timeout=1)"),
            Thinks("pool", "puts the caller in line; he waits for the pool, never for the network"),
            Says("pool", "workers", "prove one, or open one"),
            Says("workers", "server", "ping, or connect"),
            Says("server", "workers", "alive", "answers"),
            Says("workers", "pool", "a good session", "answers"),
            Says("pool", "caller", "to the first in line", "answers"),
            Thinks("caller", "or PoolTimeout after 1 s", "bad"),
        ),
    ),
    "failover.svg": Picture(
        "A fail-over: one error for whoever was inside a statement, none for the others",
        ("Ann", "Ben", "pool", "workers", "server"),
        (
            Thinks("server", "ends all sessions", "bad"),
            Says("server", "Ann", "her statement fails", "breaks"),
            Says("Ann", "pool", "her block ends with that error"),
            Thinks("pool", "her session is lost; all idle ones are suspect"),
            Says("Ben", "pool", "get(): he waits in line"),
            Says("pool", "workers", "prove one"),
            Says("workers", "server", "ping"),
            Says("server", "workers", "no answer: dead", "breaks"),
            Says("workers", "server", "connect, until it is back"),
            Says("server", "workers", "a new session", "answers"),
            Says("workers", "pool", "alive", "answers"),
            Says("pool", "Ben", "a good session", "answers"),
            Says("pool", "workers", "then two, then four"),
        ),
    ),
}


def draw(picture: Picture) -> str:
    height = HEAD + sum(map(height_of, picture.steps)) + 24
    gap = (WIDTH - 2 * MARGIN) / (len(picture.actors) - 1)
    at = {actor: MARGIN + gap * number for number, actor in enumerate(picture.actors)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(picture.title)}</title><style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="24" y="34">{escape(picture.title)}</text>',
        *(line for actor, x in at.items() for line in lifeline(actor, x, height)),
    ]
    y = HEAD
    for step in picture.steps:
        y += height_of(step)
        lines += drawn(step, y, at)
    return "\n".join([*lines, "</svg>"]) + "\n"


def height_of(step: Step) -> int:
    return RUN if isinstance(step, Now) else NOTE if isinstance(step, Thinks) else STEP


def drawn(step: Step, y: int, at: dict[str, float]) -> Iterator[str]:
    match step:
        case Now(what):
            yield f'<rect class="band" x="0" y="{y - 20}" width="{WIDTH}" height="26"/>'
            yield f'<text class="now" x="24" y="{y - 2}">{escape(what)}</text>'
        case Thinks(who, what, look):
            width = 7.1 * len(what) + 28
            left = min(max(8.0, at[who] - width / 2), WIDTH - width - 8)
            yield f'<rect class="{look}" x="{left:.0f}" y="{y - 24}" width="{width:.0f}" height="28" rx="6"/>'
            yield f'<text class="middle" x="{left + width / 2:.0f}" y="{y - 5}">{escape(what)}</text>'
        case Says(who, whom, what, look):
            start, end = at[who], at[whom]
            side = 1 if end > start else -1
            yield f'<path class="{look}" d="M{start:.0f} {y}H{end - side * 2:.0f}"/>'
            yield f'<path class="{look} tip" d="M{end - side * 10:.0f} {y - 5}L{end:.0f} {y}l{-side * 10} 5z"/>'
            yield f'<text class="middle over" x="{(start + end) / 2:.0f}" y="{y - 9}">{escape(what)}</text>'


def lifeline(actor: str, x: float, height: int) -> Iterator[str]:
    yield f'<path class="life" d="M{x:.0f} {HEAD - 16}V{height - 12}"/>'
    yield f'<rect class="actor" x="{x - 52:.0f}" y="{HEAD - 44}" width="104" height="28" rx="6"/>'
    yield f'<text class="middle name" x="{x:.0f}" y="{HEAD - 25}">{actor}</text>'


def colours(*, page: str, ink: str, line: str, band: str, actor: str, note: str, bad: str, asks: str) -> str:
    return (
        f".page{{fill:{page}}}text{{fill:{ink}}}.over{{stroke:{page}}}.life{{stroke:{line}}}.band{{fill:{band}}}"
        f".actor{{fill:{actor}}}.note{{fill:{note}}}.bad{{fill:{page};stroke:{bad}}}"
        f".asks,.answers{{stroke:{asks}}}.breaks{{stroke:{bad}}}.asks.tip,.answers.tip{{fill:{asks}}}.breaks.tip{{fill:{bad}}}"
    )


LIGHT = colours(
    page="#ffffff", ink="#1d2430", line="#c3cad4", band="#eef1f5", actor="#d9e6f8", note="#f7eccf", bad="#d9485f",
    asks="#3f7fd9",
)  # fmt: skip
DARK = colours(
    page="#14181f", ink="#e6eaf0", line="#3a4452", band="#1e2530", actor="#22395a", note="#4a3d17", bad="#f2788b",
    asks="#5b9bf0",
)  # fmt: skip
STYLE = (
    "text{font:14px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "text.title{font-size:18px;font-weight:600}text.now,text.name{font-weight:600}.middle{text-anchor:middle}"
    "path{fill:none;stroke-width:1.6}.life{stroke-width:1}.answers{stroke-dasharray:6 4}path.tip{stroke:none}"
    ".over{stroke-width:5;paint-order:stroke}"
    f"{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}"
)


if __name__ == "__main__":
    for name, picture in PICTURES.items():
        (Path(__file__).parent / name).write_text(draw(picture))
