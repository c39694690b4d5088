"""The figures of the demo's report add up: every session that was replaced is one that the saboteur struck."""

import re

from tests.cli.command import run

ROW = r"^{}\s+([\d,]+)"


def test_the_figures_of_the_report_add_up() -> None:
    """Sessions replaced = killed idle + killed in use + dropped + given up after an interrupt; no more strikes."""
    done = run("demo", "--plain", "--seconds", "2")

    def figure(row: str) -> int:
        found = re.search(ROW.format(row), done.stdout, re.MULTILINE)
        assert found, done.stdout
        return int(found[1].replace(",", ""))

    deaths = figure("killed idle sessions") + figure("killed sessions in use") + figure("had sessions dropped")
    given_up = re.search(r"sessions given up: (\d+)", done.stdout)
    assert given_up, done.stdout
    assert figure("sessions replaced") == deaths + int(given_up[1]) > 0, done.stdout
