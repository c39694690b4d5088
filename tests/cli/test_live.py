"""The live view of the demo: what stands in a lane, and that it can be read without colours, on a small screen."""

import io

from rich.console import Console

from pingpool.cli import demo, venue
from pingpool.cli.ambush import DROPPED, INTERRUPTED, KILLED_IDLE, KILLED_IN_USE
from pingpool.cli.live import CELL, LOOKS, STRIKES, legend, strip
from pingpool.cli.scene import Plan
from pingpool.core.slot import CREATING, IDLE, IN_USE, State
from pingpool.telemetry.timeline import Lane, Timeline
from pingpool.testing import Clock


def test_every_sign_is_another_one() -> None:
    """No two states, nor two kinds of strikes, look the same where there are no colours; all have a legend."""
    signs = [look.sign for look in LOOKS.values()] + list(STRIKES.values())
    assert len(set(signs)) == len(signs)
    assert set(LOOKS) == {*State, None}
    assert set(STRIKES) == {KILLED_IDLE, KILLED_IN_USE, DROPPED, INTERRUPTED}
    assert all(f"{LOOKS[state].sign} {LOOKS[state].word}" in legend().plain for state in State)


def test_a_strike_is_marked_in_its_lane() -> None:
    """The strike stands where it hit, and what the slot did before and after it beside."""
    clock = Clock()
    timeline = Timeline(clock.now)
    lane = timeline.add_lane()
    assert isinstance(lane, Lane)
    for state, cells in ((IDLE, 2), (IN_USE, 2)):
        lane.state = state
        clock.advance(cells * CELL)
    timeline.mark(KILLED_IN_USE, 0)
    lane.state = CREATING
    clock.advance(2.5 * CELL)
    drawn = strip(lane, timeline.marks, timeline.started_at, timeline.started_at + 6 * CELL, 6)
    assert drawn.plain == "▁▁▆▆◆█"


def test_a_small_screen_is_enough() -> None:
    """In 80 columns and 24 lines every line of the view is seen, also with more slots than there is room for."""
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, no_color=True)
    with venue.embedded() as place:
        assert demo.perform(Plan(seconds=0.5, size=20), place, screen, plain=False, picture=None)
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    for words in ("and 14 more", "▆ in use", "◆ killed in use", "over 500 ms"):
        assert words in shown
