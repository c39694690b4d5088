"""What a person sees of the probe: a line for each ping, a bar, and the verdict, also of a probe that was stopped
early.
"""

import math
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from pingpool.cli.durations import spoken
from pingpool.telemetry.idling import Finding, Search
from pingpool.telemetry.probe import NotOpened, Probe

FRAME = 0.25
"""Seconds between two updates of the bar."""

OUTCOMES = {
    True: "[green]alive[/green]",
    False: "[bold red]dead[/bold red] ",
    None: "[yellow]unclear[/yellow]",
}


def observe(probe: Probe[Any], console: Console, *, plain: bool) -> bool:
    """Run the probe and print what is seen; return whether it is complete."""
    search = probe.search
    console.print(f"Leaving sessions idle, {search.sessions} at a time, for up to {spoken(search.up_to)} ...")
    complaint = ""
    try:
        (print_lines if plain else show_bar)(probe, console)
    except KeyboardInterrupt:
        complaint = "Stopped early."
    except NotOpened as error:
        complaint = f"No session could be opened: {error}"
    console.print()
    if complaint:
        console.print(escape(complaint), style="bold", soft_wrap=True)
    for line in verdict(search):
        console.print(escape(line), soft_wrap=True)
    return not complaint


def print_lines(probe: Probe[Any], console: Console) -> None:
    shown = 0
    for wait in probe.run():
        shown = print_new(probe.search, shown, console)
        time.sleep(wait)


def show_bar(probe: Probe[Any], console: Console) -> None:
    """The same, above a bar for the longest time that it may take."""
    columns = (BarColumn(bar_width=None), TextColumn("{task.description}"))
    with Progress(*columns, console=console, auto_refresh=False, transient=True, expand=True) as bar:
        task = bar.add_task("opening sessions", total=1.0)
        shown = 0
        for wait in probe.run():
            shown = print_new(probe.search, shown, bar.console)
            elapsed, left = probe.elapsed(), probe.left()
            bar.update(task, completed=elapsed, total=elapsed + left, description=estimate(probe))
            bar.refresh()
            time.sleep(min(wait, FRAME))


def estimate(probe: Probe[Any]) -> str:
    """Return how much time is left, and on what condition."""
    condition = "if none dies" if probe.search.youngest_dead is None else "at most"
    return f"{spoken(math.ceil(probe.left()))} left {condition}"


def print_new(search: Search, shown: int, console: Console) -> int:
    """Print the findings that are not yet shown; return how many are shown now."""
    for finding in search.findings[shown:]:
        console.print(described(finding), soft_wrap=True)
    return len(search.findings)


def described(finding: Finding) -> str:
    return f"idle for {spoken(finding.age):>12}  {OUTCOMES[finding.is_alive]}  {escape(finding.reason)}".rstrip()


def verdict(search: Search) -> list[str]:
    alive, dead = search.oldest_alive, search.youngest_dead
    lines: list[str] = []
    if dead is not None and alive:
        lines.append(f"Sessions were alive after {spoken(alive)} idle, and dead after {spoken(dead)}.")
    elif dead is not None:
        lines.append(f"A session was dead after {spoken(dead)} idle; none was seen alive.")
    elif alive:
        seen = "Sessions were alive" if search.deaths else "No session died"
        lines.append(f"{seen} up to {spoken(alive)} idle; longer ages were not tried.")
    else:
        lines.append("Nothing is known: no session was proven.")
    if search.strays:
        ages = ", ".join(spoken(age) for age in search.strays)
        lines.append(f"Some died young, although others lived longer: at {ages}. Was there a restart? Try again.")
    unclear = sum(finding.is_alive is None for finding in search.findings)
    if unclear:
        lines.append(f"Of {unclear} sessions nothing is known: the database answered with an error.")
    return [*lines, *advice(search)]


def advice(search: Search) -> list[str]:
    if search.ping_interval:
        return [f"Recommended: ping_interval={search.ping_interval:g}" + (" or less" if not search.deaths else "")]
    return ["No ping_interval can be recommended."] if search.deaths else []
