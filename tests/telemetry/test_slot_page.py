"""The page about the life of a slot."""

from pathlib import Path

from pingpool.core.slot import TRANSITIONS
from pingpool.telemetry.slot_page import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_in_the_docs_is_made_of_the_data() -> None:
    """Who changes a transition has to make the page anew."""
    assert (DOCS / "slots.md").read_text() == page()


def test_every_transition_is_in_the_page() -> None:
    """No transition is left out, and each state that a slot can leave is named once in front."""
    rows = [row.strip("| ").split(" | ") for row in page().splitlines() if row.startswith("| ")]
    assert [row[-2:] for row in rows[1:]] == [[move.event, move.after.value] for move in TRANSITIONS]
    assert page().count("| **") == len({move.before for move in TRANSITIONS})
