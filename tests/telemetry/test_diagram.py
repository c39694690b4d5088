"""The page about the life of a slot."""

from pathlib import Path

from pingpool.core.slot import TRANSITIONS
from pingpool.telemetry.diagram import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_in_the_docs_is_drawn_from_the_data() -> None:
    """Who changes a transition has to draw the page anew."""
    assert (DOCS / "slots.md").read_text() == page()


def test_every_transition_is_in_the_picture() -> None:
    """No transition is left out."""
    assert page().count(" --> ") == len(TRANSITIONS) + 1
