"""The page that goes through Google's contract line by line names tests that exist."""

import re
from itertools import pairwise

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "spanner-letter.md"


def test_each_line_of_the_contract_names_tests_that_exist() -> None:
    """Every row of the first tables ends with at least one name, and each is that of a test or of a case."""
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    lines = PAGE.read_text().partition("## What else")[0].splitlines()
    heads = [line for line, below in pairwise(lines) if below.startswith("|---")]
    rows = [line for line in lines if line.startswith("|") and not line.startswith("|---") and line not in heads]
    assert len(rows) > 20
    for row in rows:
        names = re.findall(r"`(\w+)`", row.rpartition(" | ")[2])
        assert names, row
        missing = [name for name in names if not re.search(rf"def {name}\(", written)]
        assert not missing, (row, missing)
