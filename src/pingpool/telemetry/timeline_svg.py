"""Draws a timeline as SVG: a lane for each slot, coloured by state, and the waiters below.

No script, no font of its own; light and dark mode; details under the mouse. States differ in height too, for those who
cannot tell the colours apart.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, VACANT, State
from pingpool.telemetry.timeline import Lane, Mark, Period, Timeline

WIDTH = 1200
LEFT, RIGHT = 88, 28
PLOT = WIDTH - LEFT - RIGHT
TOP = 142
"""Where the lanes begin."""
QUEUE = 64
AXIS = 46
ROOMY = 8
"""Up to so many lanes have room for marks above them."""

FINEST = 2
"""Pixels: the width of the shortest state."""


class Look(NamedTuple):
    """How a state is drawn: its colours in light and dark mode, and how much of the lane's height it fills."""

    light: str
    dark: str
    height: float


LOOKS: Mapping[State, Look] = {
    IN_USE: Look("#3f7fd9", "#5b9bf0", 0.8),
    IDLE: Look("#a9cdb8", "#4e7a63", 0.3),
    CHECKING: Look("#8a4fd0", "#b98af5", 1.0),
    RESETTING: Look("#0d9aa5", "#3cc9d3", 1.0),
    CREATING: Look("#f0a020", "#f5b84d", 1.0),
    CLOSING: Look("#7b8494", "#98a2b3", 1.0),
    VACANT: Look("#d9485f", "#f2788b", 0.3),
}
NAMES = {CHECKING: "pinged"}
"""Better words for a picture than the state's own name."""

GLYPHS = (
    "M-5-4H5L0 5Z",  # a triangle that points down
    "M1.5-6-4.5 1H-.5L-1.5 6 4.5-1.5H.5Z",  # a bolt
    "M-4.5-4.5 4.5 4.5M-4.5 4.5 4.5-4.5",  # a cross
    "M0-5.5 5.5 0 0 5.5-5.5 0Z",  # a diamond
    "M-4.5-4.5H4.5V4.5H-4.5Z",  # a square
)
"""What marks look like, for the kinds in alphabetical order; used again when there are more kinds."""


def draw(timeline: Timeline, *, title: str, subtitle: str = "", until: float | None = None) -> str:
    """Return the picture of a timeline, from its beginning until `until` (its clock's time; default: now)."""
    return _Picture(timeline, timeline.now() if until is None else until).text(title, subtitle)


class _Picture:
    """The measures of one picture, and its parts from top to bottom."""

    def __init__(self, timeline: Timeline, end: float) -> None:
        self.timeline = timeline
        self.start = timeline.started_at
        self.end = max(end, self.start + 1e-3)
        kinds = sorted({mark.what for mark in timeline.marks})
        self.glyphs = {what: GLYPHS[number % len(GLYPHS)] for number, what in enumerate(kinds)}
        self.is_tight = len(timeline.lanes) > ROOMY
        self.pitch = max(18, ROOMY * 52 // len(timeline.lanes)) if self.is_tight else 52
        self.thickness = self.pitch - 6 if self.is_tight else self.pitch - 22
        self.floor = TOP + self.pitch * len(timeline.lanes) + 26 + QUEUE
        self.height = self.floor + AXIS

    def text(self, title: str, subtitle: str) -> str:
        parts = [
            *self.head(title, subtitle),
            *self.legend(),
            *(line for period in self.timeline.periods for line in self.period(period)),
            *self.axis(),
            *(line for number, lane in enumerate(self.timeline.lanes) for line in self.lane(number, lane)),
            *(line for mark in self.timeline.marks for line in self.mark(mark)),
            *self.queue(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def head(self, title: str, subtitle: str) -> Iterator[str]:
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img">'
        yield f"<title>{escape(title)}</title>"
        yield f"<style>{_style()}</style>"
        yield f'<rect class="page" width="{WIDTH}" height="{self.height}"/>'
        yield f'<text class="title" x="{LEFT}" y="38">{escape(title)}</text>'
        yield f'<text class="soft" x="{LEFT}" y="60">{escape(subtitle)}</text>'

    def legend(self) -> Iterator[str]:
        x: float = LEFT
        for state, look in LOOKS.items():
            name = NAMES.get(state, state.value)
            yield _bar(state, x, 92, 14, 14 * look.height) + "</rect>"
            yield f'<text class="key" x="{x + 20:.0f}" y="96">{name}</text>'
            x += 36 + _width(name)
        x = max(x + 20, WIDTH - RIGHT - sum(32 + _width(what) for what in self.glyphs) + 14)
        for what, glyph in self.glyphs.items():
            yield f'<path class="glyph" transform="translate({x + 6:.0f} 92)" d="{glyph}"/>'
            yield f'<text class="key" x="{x + 18:.0f}" y="96">{escape(what)}</text>'
            x += 32 + _width(what)

    def period(self, period: Period) -> Iterator[str]:
        """Draw a bracket with the name of a period above the lanes."""
        left, right = self.x(period.start) + 1, self.x(period.end) - 1
        if right - left < _width(period.name):
            return
        yield f'<path class="base" d="M{left:.1f} {TOP - 16}v-5H{right:.1f}v5"/>'
        yield f'<text class="key middle over" x="{(left + right) / 2:.1f}" y="{TOP - 17}">{escape(period.name)}</text>'

    def axis(self) -> Iterator[str]:
        step = _step((self.end - self.start) / 8)
        for tick in range(int((self.end - self.start) / step) + 1):
            x = self.x(self.start + tick * step)
            yield f'<path class="grid" d="M{x:.1f} {TOP - 6}V{self.floor + 5}"/>'
            yield f'<text class="key middle" x="{x:.1f}" y="{self.floor + 22}">{tick * step:g} s</text>'

    def lane(self, number: int, lane: Lane) -> Iterator[str]:
        middle = self.middle(number)
        yield f'<g class="lane"><text class="end" x="{LEFT - 14}" y="{middle + 4:.0f}">slot {number + 1}</text>'
        yield f'<path class="base" d="M{LEFT} {middle:.1f}H{WIDTH - RIGHT}"/>'
        states = lane.prevailing(self.start, self.end, PLOT // FINEST)
        at = 0
        for state, same in groupby(states):
            count = len(list(same))
            if state is not None:
                yield self.stretch(state, middle, at, at + count)
            at += count
        yield "</g>"

    def stretch(self, state: State, middle: float, first: int, last: int) -> str:
        seconds = (self.end - self.start) * FINEST / PLOT
        said = f"{NAMES.get(state, state.value)}, {first * seconds:.2f} s to {last * seconds:.2f} s"
        bar = _bar(state, LEFT + first * FINEST, middle, (last - first) * FINEST, self.thickness * LOOKS[state].height)
        return f"{bar}<title>{said}</title></rect>"

    def mark(self, mark: Mark) -> Iterator[str]:
        """Draw a glyph above its lane and a line down through it; on the lane itself where there is no room."""
        top = TOP - 2 if mark.lane is None else self.middle(mark.lane) - self.thickness / 2
        rise = self.thickness / 2 if self.is_tight and mark.lane is not None else -9
        said = f"{escape(mark.what)} at {mark.when - self.start:.3f} s"
        yield f'<g class="mark" transform="translate({self.x(mark.when):.1f} {top:.1f})"><title>{said}</title>'
        yield f'<path class="hair" d="M0-3V{self.thickness}"/>'
        for part in ("halo", "glyph"):
            yield f'<path class="{part}" transform="translate(0 {rise:g})" d="{self.glyphs[mark.what]}"/>'
        yield "</g>"

    def queue(self) -> Iterator[str]:
        lengths = self.timeline.queue_lengths(self.start, self.end, PLOT // FINEST)
        most = max(lengths) or 1
        steps = "".join(f"V{self.floor - QUEUE * length / most:.1f}h{FINEST}" for length in lengths)
        yield f'<text class="end" x="{LEFT - 14}" y="{self.floor - 4}">waiting</text>'
        yield f'<text class="key end" x="{LEFT - 14}" y="{self.floor - QUEUE + 10}">{max(lengths)}</text>'
        yield f"<g><title>callers waiting for a session, {max(lengths)} at most</title>"
        yield f'<path class="queue" d="M{LEFT} {self.floor}{steps}V{self.floor}Z"/></g>'
        yield f'<path class="base" d="M{LEFT} {self.floor}H{WIDTH - RIGHT}"/>'

    def x(self, when: float) -> float:
        return LEFT + PLOT * (when - self.start) / (self.end - self.start)

    def middle(self, number: int) -> float:
        return TOP + self.pitch * (number + 0.5) + (self.pitch - self.thickness) / 4


def _bar(state: State, x: float, middle: float, width: float, height: float) -> str:
    """Begin a rectangle in the colour of the state, with its middle at `height`."""
    return (
        f'<rect class="{_class(state)}" x="{x:.0f}" y="{middle - height / 2:.1f}" '
        f'width="{width:.0f}" height="{height:.1f}">'
    )


def _class(state: State) -> str:
    return state.name.lower().replace("_", "-")


def _width(text: str) -> float:
    """Estimate how wide a text is in the legend."""
    return 6.8 * len(text)


def _step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20 … (or their tenths) that is large enough."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _style() -> str:
    def colours(states: Mapping[State, str], *, page: str, ink: str, soft: str, grid: str, strike: str) -> str:
        fills = "".join(f".{_class(state)}{{fill:{colour}}}" for state, colour in states.items())
        return (
            f".page{{fill:{page}}}text{{fill:{ink}}}text.soft,text.key{{fill:{soft}}}.grid,.base{{stroke:{grid}}}"
            f".queue{{fill:{soft};fill-opacity:.45}}.over{{stroke:{page}}}.hair{{stroke:{strike}}}.halo{{fill:{page};stroke:{page}}}.glyph{{fill:{strike};stroke:{strike}}}{fills}"
        )

    light = colours(
        {state: look.light for state, look in LOOKS.items()},
        page="#ffffff", ink="#1d2430", soft="#5d6778", grid="#e3e7ed", strike="#c8102e",
    )  # fmt: skip
    dark = colours(
        {state: look.dark for state, look in LOOKS.items()},
        page="#14181f", ink="#e6eaf0", soft="#98a2b3", grid="#2a313c", strike="#ff6b7f",
    )  # fmt: skip
    shapes = (
        "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
        "text.title{font-size:21px;font-weight:600}text.key{font-size:12px}text.soft{font-size:14px}"
        ".over{stroke-width:8;paint-order:stroke}.middle{text-anchor:middle}.end{text-anchor:end}.grid,.base{fill:none;stroke-width:1}"
        ".halo{stroke-width:5;stroke-linejoin:round}.hair{fill:none;stroke-width:1;stroke-opacity:.7}.glyph{stroke-width:1.6;stroke-linejoin:round}"
    )
    return f"{shapes}{light}@media (prefers-color-scheme:dark){{{dark}}}"
