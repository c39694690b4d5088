"""The probe: how long does an idle session survive on this path? The vigil as a person watches it, and what it showed.

Whatever is said was seen. A probe that is stopped early, or fails, still says what it saw.
"""

import math
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from pingpool.cli.durations import spoken
from pingpool.telemetry.idling import Finding, Search
from pingpool.telemetry.vigil import NotOpened, Vigil

FRAME = 0.25
"""Seconds between two looks at the bar."""

OUTCOMES = {
    True: "[green]alive[/green]",
    False: "[bold red]dead[/bold red] ",
    None: "[yellow]unclear[/yellow]",
}


def observe(vigil: Vigil[Any], console: Console, *, plain: bool) -> bool:
    """Keep the vigil and say what is seen; return whether it came to its end."""
    search = vigil.search
    console.print(f"Leaving sessions idle, {search.sessions} at a time, for up to {spoken(search.up_to)} ...")
    complaint = ""
    try:
        (follow if plain else watch)(vigil, console)
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


def follow(vigil: Vigil[Any], console: Console) -> None:
    """Print a line for each session that was proven."""
    shown = 0
    for wait in vigil.keep():
        shown = tell_news(vigil.search, shown, console)
        time.sleep(wait)


def watch(vigil: Vigil[Any], console: Console) -> None:
    """Do so above a bar that shows how much of the longest possible time is over."""
    columns = (BarColumn(bar_width=None), TextColumn("{task.description}"))
    with Progress(*columns, console=console, auto_refresh=False, transient=True, expand=True) as bar:
        task = bar.add_task("opening sessions", total=1.0)
        shown = 0
        for wait in vigil.keep():
            shown = tell_news(vigil.search, shown, bar.console)
            elapsed, left = vigil.elapsed(), vigil.left()
            bar.update(task, completed=elapsed, total=elapsed + left, description=estimate(vigil))
            bar.refresh()
            time.sleep(min(wait, FRAME))


def estimate(vigil: Vigil[Any]) -> str:
    """Say how much time is left, and what that hangs on."""
    condition = "if none dies" if vigil.search.youngest_dead is None else "at most"
    return f"{spoken(math.ceil(vigil.left()))} left {condition}"


def tell_news(search: Search, shown: int, console: Console) -> int:
    """Print the findings that are not yet shown; return how many are shown now."""
    for finding in search.findings[shown:]:
        console.print(described(finding), soft_wrap=True)
    return len(search.findings)


def described(finding: Finding) -> str:
    """Say in one line what became of one session."""
    return f"idle for {spoken(finding.age):>12}  {OUTCOMES[finding.is_alive]}  {escape(finding.reason)}".rstrip()


def verdict(search: Search) -> list[str]:
    """Say what was seen, what was not, and which interval is to be recommended, in a few lines."""
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
    """Recommend an interval, if there is one to recommend."""
    if search.ping_interval:
        return [f"Recommended: ping_interval={search.ping_interval:g}" + (" or less" if not search.deaths else "")]
    return ["No ping_interval can be recommended."] if search.deaths else []
