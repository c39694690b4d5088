"""The site can be made of the pages."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

pytest.importorskip("sphinx", reason="the site is made by sphinx: pip install 'pingpool[docs]'")


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    """Every page is in the site, each is reached from its menu, and no reference leads nowhere."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "docs", str(tmp_path)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    missing = [
        page
        for page in PAGES
        if page != "README.md" and not (tmp_path / Path(page).relative_to("docs")).with_suffix(".html").exists()
    ]
    assert not missing
