"""The report: what was done to the pool, what came of it, and the verdict."""

from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from pingpool.cli.accounts import ACCOUNTS, OPENING_BALANCE, Audit
from pingpool.cli.ambush import DROPPED, INTERRUPTED, KILLED_IDLE, KILLED_IN_USE
from pingpool.cli.bank import Notes
from pingpool.cli.scene import Plan
from pingpool.cli.waits import in_words
from pingpool.core.stats import Stats
from pingpool.telemetry.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and whether it was kept."""

    kept: bool
    promise: str
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known when the bank has closed."""

    plan: Plan
    elapsed: float
    ended_at: float
    audit: Audit
    notes: Notes
    stats: Stats
    timeline: Timeline
    warnings: int

    @property
    def strikes(self) -> Counter[str]:
        return Counter(mark.what for mark in self.timeline.marks)

    def checks(self) -> list[Check]:
        audit, notes, stats = self.audit, self.notes, self.stats
        due = ACCOUNTS * OPENING_BALANCE
        errors = [*notes.dead_on_arrival, *notes.surprises]
        return [
            Check(
                audit.total == due and audit.accounts == ACCOUNTS and audit.lowest >= 0,
                "The money adds up",
                f"{audit.accounts} accounts hold {audit.total:,} of {due:,}; the poorest has {audit.lowest}",
            ),
            Check(
                not errors,
                "Nobody was handed a dead session",
                f"{len(notes.waits):,} checkouts, {len(notes.dead_on_arrival)} dead on arrival"
                + (f"; the first error: {errors[0]}" if errors else ""),
            ),
            Check(
                stats.idle == stats.size,
                "No slot was lost",
                f"{stats.idle} of {stats.size} are idle and well now that all is calm",
            ),
        ]

    @property
    def is_well(self) -> bool:
        return all(check.kept for check in self.checks())


def print_report(evidence: Evidence, console: Console) -> None:
    plan, notes = evidence.plan, evidence.notes
    console.print()
    console.print(
        f"In {evidence.elapsed:.1f} s {plan.workers} workers moved money [bold]{len(notes.transfers):,} times[/bold] "
        f"between {ACCOUNTS} accounts, through {plan.size} pooled sessions.",
        soft_wrap=True,
    )
    console.print()
    console.print(sabotage(evidence))
    console.print()
    console.print(service(evidence))
    console.print()
    for check in evidence.checks():
        verdict = "[bold green]kept  [/bold green]" if check.kept else "[bold red]BROKEN[/bold red]"
        console.print(f"{verdict} [bold]{check.promise}.[/bold] {check.finding}.", soft_wrap=True)
    console.print()


def sabotage(evidence: Evidence) -> Table:
    strikes, stats, notes = evidence.strikes, evidence.stats, evidence.notes
    table = sheet("The saboteur", "", "What became of it")
    for what, count, outcome in (
        ("killed idle sessions", strikes[KILLED_IDLE], f"workers who met one: {len(notes.dead_on_arrival)}"),
        ("killed sessions in use", strikes[KILLED_IN_USE], f"holders who got an error: {len(notes.deaths_in_hand)}"),
        ("had sessions dropped", strikes[DROPPED], f"noticed: {stats.leaked}, warned about: {evidence.warnings}"),
        (
            "interrupted workers",
            strikes[INTERRUPTED],
            f"rolled back: {len(notes.interrupts)}, sessions given up: {stats.replaced.get('tainted', 0)}",
        ),
    ):
        table.add_row(what, str(count), outcome)
    return table


def service(evidence: Evidence) -> Table:
    stats, notes = evidence.stats, evidence.notes
    half, most, all_of_them = notes.waits.percentiles(50, 99, 100)
    replaced = ", ".join(f"{count} {reason}" for reason, count in sorted(stats.replaced.items()) if count)
    at_once = len(notes.waits) - stats.waited - stats.timed_out  # one that found its session dead has waited, too
    table = sheet("The pool", "", "")
    for what, count, more in (
        ("checkouts", len(notes.waits), f"{at_once:,} at once, {stats.waited:,} waited"),
        ("gave up waiting", stats.timed_out, ""),
        ("sessions replaced", sum(stats.replaced.values()), replaced),
        ("pings that proved alive", stats.pings, ""),
    ):
        table.add_row(what, f"{count:,}", more)
    table.add_row("wait for a session", in_words(half), f"p50; p99 {in_words(most)}; longest {in_words(all_of_them)}")
    return table


def sheet(*headings: str) -> Table:
    """Return a table without lines, which looks the same in a terminal and in a file."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, width in zip(headings, (24, 7, None), strict=True):
        table.add_column(heading, min_width=width, justify="right" if width == 7 else "left", no_wrap=width is not None)
    return table
