"""What a person types: the commands, their options, and the help that teaches them."""

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import pingpool
from pingpool.cli.demo import perform
from pingpool.cli.scene import Plan

app = typer.Typer(
    name="pingpool",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def tell_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"pingpool {pingpool.__version__}")
        raise typer.Exit


def finite(seconds: float) -> float:
    """Insist on a time that ends."""
    if not math.isfinite(seconds):
        raise typer.BadParameter(f"{seconds} is no number of seconds that ends")
    return seconds


def writable(file: Path | None) -> Path | None:
    """Insist on a folder that is there, before the show and not after it."""
    if file is not None and not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(file.parent)!r} to write {file.name!r} to")
    return file


Version = Annotated[
    bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and leave.")
]
Seconds = Annotated[float, typer.Option(min=0.5, callback=finite, metavar="SECONDS", help="How long the bank is open.")]
Workers = Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many threads move money.")]
Size = Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many sessions the pool holds.")]
Plain = Annotated[
    bool, typer.Option("--plain", help="One line a second instead of the live view; so it is anyway in a pipe.")
]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--timeline",
        metavar="FILE.svg",
        dir_okay=False,
        writable=True,
        callback=writable,
        help="Also draw what every slot did, and when, as a picture.",
    ),
]


@app.callback()
def top(version: Version = False) -> None:
    """A keep-alive session pool: idle sessions are kept alive, dead ones replaced before anybody meets them.

    **pingpool demo** shows what that means: five seconds, an embedded database, and a saboteur.
    """


@app.command()
def demo(
    seconds: Seconds = 5.0,
    workers: Workers = 16,
    size: Size = 4,
    plain: Plain = False,
    timeline: Picture = None,
) -> None:
    """Watch a pool survive a saboteur.

    Threads move money between the accounts of a bank: real SQL on a real SQLite file, through a few pooled sessions.
    Meanwhile a saboteur

    - closes sessions behind the pool's back, idle ones and ones in use,
    - has workers walk away with a session and never give it back,
    - interrupts workers in the middle of a transaction.

    Opening a session takes 40 ms and a ping 10 ms, as over a network, so that you can see them.

    At the end the books are checked. The exit status is **0** if no money was lost, no worker was handed a
    dead session and every slot of the pool is in order; **1** if not.

    Try

    - `pingpool demo --seconds 20 --workers 40`
    - `pingpool demo --timeline demo.svg`
    - `pingpool demo --plain > report.txt`
    """
    console = Console(highlight=False)
    plan = Plan(seconds=seconds, workers=workers, size=size)
    if not perform(plan, console, plain=plain or not console.is_terminal, picture=timeline):
        raise typer.Exit(1)
