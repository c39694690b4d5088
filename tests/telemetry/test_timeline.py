"""Timelines: slots that record their states, and the picture drawn from them."""

import xml.etree.ElementTree as ET

import pytest

from pingpool import PingingPool
from pingpool.core.slot import CHECKING, CREATING, IDLE, IN_USE, VACANT
from pingpool.opening import opened
from pingpool.telemetry.timeline import Lane, Period, Span, Timeline
from pingpool.telemetry.timeline_svg import LOOKS, draw
from pingpool.testing import Clock, FaultyDatabase

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at 100 s until it is told otherwise."""
    return Clock(100.0)


@pytest.fixture
def timeline(clock: Clock) -> Timeline:
    """A timeline that begins at 100 s."""
    return Timeline(clock.now)


def recorded(timeline: Timeline, clock: Clock) -> Lane:
    """A lane that was vacant for 1 s, idle for 2, checked for a hundredth, then idle again."""
    lane = timeline.add_lane()
    assert isinstance(lane, Lane)
    clock.advance(1)
    lane.state = IDLE
    clock.advance(2)
    lane.state = CHECKING
    clock.advance(0.01)
    lane.state = IDLE
    clock.advance(0.99)
    return lane


def parsed(timeline: Timeline) -> ET.Element:
    """Draw the picture and read it as XML."""
    return ET.fromstring(draw(timeline, title="a <pool>"))


def classed(picture: ET.Element, name: str) -> list[ET.Element]:
    """Find the elements of a class."""
    return [element for element in picture.iter() if element.get("class") == name]


def test_a_lane_notes_every_state_with_its_time(timeline: Timeline, clock: Clock) -> None:
    """The spans of a lane follow each other without a gap, and are cut to the time that was asked for."""
    lane = recorded(timeline, clock)
    assert [Span(round(s.start, 6), round(s.end, 6), s.state) for s in lane.spans(100.5, 104)] == [
        Span(100.5, 101, VACANT),
        Span(101, 103, IDLE),
        Span(103, 103.01, CHECKING),
        Span(103.01, 104, IDLE),
    ]


def test_a_state_that_stays_is_noted_once(timeline: Timeline) -> None:
    """A hand-over from one holder to the next is no change of state."""
    lane = timeline.add_lane()
    lane.state = IN_USE
    lane.state = IN_USE
    assert isinstance(lane, Lane)
    assert [state for _, state in lane.changes] == [VACANT, IN_USE]


def test_a_rare_state_prevails_however_short(timeline: Timeline, clock: Clock) -> None:
    """A check of a hundredth of a second is not lost among seconds of idleness, however few parts there are."""
    lane = recorded(timeline, clock)
    assert lane.prevailing(100, 104, 4) == [VACANT, IDLE, IDLE, CHECKING]
    assert lane.prevailing(101.5, 102.5, 2) == [IDLE, IDLE]


def test_there_is_nothing_before_the_first_slot(timeline: Timeline, clock: Clock) -> None:
    """Parts of the time before there was a slot show nothing."""
    lane = recorded(timeline, clock)
    assert lane.prevailing(98, 102, 4) == [None, None, VACANT, IDLE]


def test_the_queue_shows_its_peaks(timeline: Timeline, clock: Clock) -> None:
    """Each part of the time shows the greatest number that waited in it, also those who came before it began."""
    for step, change in ((0.5, 1), (0.1, 1), (0.1, -1), (1.5, 1), (2.0, -1), (0.1, -1)):
        clock.advance(step)
        timeline.queue(change)
    assert timeline.queue_lengths(100, 106, 6) == [2, 1, 2, 2, 2, 0]
    assert timeline.queue_lengths(101, 104, 3) == [1, 2, 2]


def test_a_pool_writes_its_timeline(timeline: Timeline) -> None:
    """A pool that takes its slots from a timeline has one lane per slot, which says what the slot is doing."""
    with opened(timeline.record(PingingPool(3)), FaultyDatabase(), None) as pool:
        assert [lane.state for lane in timeline.lanes] == [IDLE] * 3
        session = pool.get()
        number = timeline.lane_of(session)
        assert number is not None
        assert [state for _, state in timeline.lanes[number].changes] == [VACANT, CREATING, IDLE, IN_USE]
        pool.put(session)
    assert timeline.lane_of(object()) is None


def test_every_state_has_a_look() -> None:
    """No state is left out of the picture's legend, and no two look the same in either mode."""
    assert {state.name for state in LOOKS} == {
        "VACANT",
        "CREATING",
        "IDLE",
        "IN_USE",
        "CHECKING",
        "RESETTING",
        "CLOSING",
    }
    assert len({look.light for look in LOOKS.values()}) == len({look.dark for look in LOOKS.values()}) == len(LOOKS)


def test_the_picture_has_one_lane_per_slot(timeline: Timeline, clock: Clock) -> None:
    """The picture is well-formed XML with a lane for each slot, a mark for each strike and tooltips for both."""
    for _ in range(3):
        recorded(timeline, clock)
    timeline.mark("killed", 1)
    timeline.mark("<shaken & stirred>")
    picture = parsed(timeline)
    lanes, marks = classed(picture, "lane"), classed(picture, "mark")
    assert len(lanes) == 3
    assert [mark.findtext(f"{SVG}title") for mark in marks] == ["killed at 12.000 s", "<shaken & stirred> at 12.000 s"]
    assert picture.findtext(f"{SVG}title") == "a <pool>"
    assert "pinged, 2.99 s to 3.01 s" in [title.text for title in lanes[0].iter(f"{SVG}title")]


def test_a_time_with_a_name_stands_above_the_lanes(timeline: Timeline, clock: Clock) -> None:
    """Each named time has a bracket with its name, unless it is too short to hold it."""
    recorded(timeline, clock)
    timeline.periods += [Period(100, 102, "rush"), Period(102, 103.99, "closed & dark"), Period(103.99, 104, "blink")]
    assert [name.text for name in classed(parsed(timeline), "key middle over")] == ["rush", "closed & dark"]


@pytest.mark.parametrize("slots", [0, 1, 8, 9, 100])
def test_the_picture_grows_with_the_pool(timeline: Timeline, slots: int) -> None:
    """Pictures of no slot, of one and of a hundred are well-formed, and no lane lies on another."""
    for _ in range(slots):
        timeline.add_lane()
    names = [lane.find(f"{SVG}text") for lane in classed(parsed(timeline), "lane")]
    heights = [float(name.get("y", 0)) for name in names if name is not None]
    assert len(heights) == slots
    assert heights == sorted(set(heights))


def test_the_picture_follows_light_and_dark(timeline: Timeline) -> None:
    """The picture brings colours for both modes and loads nothing from elsewhere."""
    text = draw(timeline, title="a pool")
    assert "prefers-color-scheme:dark" in text
    assert text.count("http") == 1  # the name of the SVG namespace
