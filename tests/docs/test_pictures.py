"""The pictures that stand in the docs are those that the code draws."""

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

DRAWING = runpy.run_path(str(ROOT / "docs" / "pictures.py"))


@pytest.mark.parametrize("name", DRAWING["PICTURES"])
def test_a_picture_is_up_to_date(name: str) -> None:
    """`python docs/pictures.py` would write what is there."""
    assert (ROOT / "docs" / name).read_text() == DRAWING["draw"](DRAWING["PICTURES"][name])


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda picture: picture.name)
def test_a_picture_stands_alone(picture: Path) -> None:
    """A picture is well-formed, has a title for those who cannot see it, follows light and dark, and loads nothing."""
    text = picture.read_text()
    assert ET.fromstring(text).findtext("{http://www.w3.org/2000/svg}title")
    assert "prefers-color-scheme:dark" in text
    assert text.count("http") == 1  # the name of the SVG namespace
