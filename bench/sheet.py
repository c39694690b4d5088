"""The sheet: a table of results, each with its target and a tick or a cross; in colour where rich is installed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NEAR = 0.75
"""A figure that reaches less than this fraction of its target is no noise any more."""


@dataclass(frozen=True)
class Target:
    """What was promised, whether it is so, and if not, which fraction of it was reached."""

    promise: str
    is_met: bool
    reached: float = 0.0

    @property
    def is_near(self) -> bool:
        """Is it met, but for what a busy machine may take away?"""
        return self.is_met or self.reached >= NEAR

    def __str__(self) -> str:
        return f"{self.promise} {'✓' if self.is_met else '✗'}"


def at_least(bound: float, figure: float, unit: str = "") -> Target:
    return Target(f">= {bound:g}{unit}", figure >= bound, figure / bound)


def at_most(bound: float, figure: float, unit: str = "") -> Target:
    return Target(f"<= {bound:g}{unit}", figure <= bound, bound / figure if figure else 1.0)


@dataclass(frozen=True)
class Row:
    cells: Sequence[str]
    target: Target | None = None


@dataclass
class Sheet:
    """The result of one bench. `raw` holds every number as it was taken."""

    title: str
    note: str
    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    missing: Sequence[str] = ()
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def targets(self) -> list[Target]:
        return [row.target for row in self.rows if row.target is not None]

    def lines(self) -> list[list[str]]:
        """Return the table with its heading and its targets."""
        heading = [*self.columns, "target"]
        return [heading, *([*row.cells, str(row.target or "")] for row in self.rows)]


def show(sheet: Sheet) -> None:
    notes = [sheet.note, *(f"Not installed, so not measured: {who}." for who in sheet.missing)]
    if sys.stdout.isatty() and _show_rich(sheet, notes):
        return
    print(f"\n{sheet.title}")
    lines = sheet.lines()
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        who, *figures = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "   ".join([who, *figures]).rstrip())
    for note in notes:
        print(f"  {note}")


def _show_rich(sheet: Sheet, notes: Sequence[str]) -> bool:
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except ImportError:
        return False
    heading, *_ = sheet.lines()
    table = Table(
        title=sheet.title,
        title_justify="left",
        title_style="bold",
        caption="\n".join(map(escape, notes)),
        caption_justify="left",
    )
    for place, name in enumerate(heading):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in sheet.rows:
        colour = "" if row.target is None else "green" if row.target.is_met else "red"
        target = f"[{colour}]{row.target}[/]" if colour else ""
        table.add_row(*map(escape, row.cells), target)
    Console().print("", table)
    return True
