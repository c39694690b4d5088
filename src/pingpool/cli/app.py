"""The commands, their options, and their help."""

import math
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import pingpool
from pingpool.cli.advise import Question, advice
from pingpool.cli.commands import Command, Commands
from pingpool.cli.demo import Unavailable, perform
from pingpool.cli.durations import seconds_of
from pingpool.cli.passwords import PasswordWanted, admitted
from pingpool.cli.probe import observe
from pingpool.cli.scene import Plan
from pingpool.cli.signals import ended_like_ctrl_c
from pingpool.cli.venue import Venue, embedded, named
from pingpool.database import Database
from pingpool.errors import BadURL, PoolError
from pingpool.schemes import database_of
from pingpool.telemetry.counters import Counters, Unreadable, counters_in
from pingpool.telemetry.idling import Search
from pingpool.telemetry.probe import Probe
from pingpool.telemetry.sizing import BUSIEST, Load, Server

app = typer.Typer(
    name="pingpool",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pingpool {pingpool.__version__}")
        raise typer.Exit


def finite(number: float) -> float:
    """Refuse what has no end, and what is no number."""
    if not math.isfinite(number):
        raise typer.BadParameter(f"{number} is no finite number")
    return number


def duration(text: str, option: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def ended(error: Exception) -> typer.Exit:
    """Say what is wrong; return what ends the command."""
    typer.echo(str(error), err=True)
    return typer.Exit(1)


def venue(url: str) -> Venue[Any]:
    try:
        return named(admitted(url))
    except PasswordWanted as error:
        raise ended(error) from None
    except (BadURL, ImportError) as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None


def database(url: str) -> Database[Any]:
    try:
        found: Database[Any] = database_of(admitted(url))
    except PasswordWanted as error:
        raise ended(error) from None
    except Exception as error:  # also those of a driver that wants credentials at once
        raise typer.BadParameter(str(error), param_hint="URL") from None
    return found


def writable(file: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the demo and not after it."""
    if file is not None and file.suffix != ".svg":
        raise typer.BadParameter(f"the picture is an SVG: call it {file.stem}.svg, not {file.name!r}")
    if file is not None and not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(file.parent)!r} to write {file.name!r} to")
    return file


def counters(seen: Path, later: Path | None, pool: str | None) -> Counters:
    """Read a pool's counters from a file; with two files, what was counted in between."""
    try:
        counted = counters_in(text_of(seen), pool)
        return counted if later is None else counters_in(text_of(later), pool).since(counted)
    except (Unreadable, UnicodeDecodeError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="COUNTERS") from None


def text_of(file: Path) -> str:
    """Read a file, or what comes through a pipe."""
    return sys.stdin.read() if file == Path("-") else file.read_text()


def load_counted(counted: Counters, over: str | None) -> Load:
    if over is None:
        raise typer.BadParameter("say how long that was counted: --over 60s", param_hint="--over")
    if not (counted.uses.total and counted.uses.sum > 0):
        raise typer.BadParameter("no session came back in that time", param_hint="COUNTERS")
    return bearable(Load(counted.uses.total / duration(over, "--over"), counted.uses.sum / counted.uses.total))


def load_told(rate: float | None, held: str | None) -> Load | None:
    if (rate is None) != (held is None):
        raise typer.BadParameter("these two belong together", param_hint="--rate, --held")
    return None if rate is None or held is None else bearable(Load(rate, duration(held, "--held")))


def bearable(load: Load) -> Load:
    """Refuse what no pool can carry, or what is no number."""
    if not load.in_use <= BUSIEST:
        raise typer.BadParameter(
            f"{load.in_use:g} sessions in use are no load of one pool", param_hint="--rate, --held"
        )
    return load


def counters_file(name: str, text: str) -> Any:
    return typer.Argument(metavar=name, show_default=False, dir_okay=False, allow_dash=True, help=text)


Version = Annotated[
    bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version and leave.")
]
Seconds = Annotated[float, typer.Option(min=0.5, callback=finite, metavar="SECONDS", help="How long the bank is open.")]
Workers = Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many threads move money.")]
Size = Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many sessions the pool holds.")]
Plain = Annotated[bool, typer.Option("--plain", help="Lines instead of the live view; so it is anyway in a pipe.")]
Place = Annotated[str | None, typer.Argument(metavar="URL", show_default=False, help="A database for the bank.")]
FarEnd = Annotated[str, typer.Argument(metavar="URL", help="The database at the other end of the path.")]
Age = Annotated[str, typer.Option(metavar="TIME", help="The longest idle time to try: 90s, 5m, 2h.")]
Sessions = Annotated[int, typer.Option(min=2, max=1000, metavar="N", help="How many sessions to open side by side.")]
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

Seen = Annotated[Path | None, counters_file("COUNTERS", "A file with a pool's counters; `-` reads a pipe.")]
Later = Annotated[Path | None, counters_file("LATER", "The same pool's, some time later.")]
Over = Annotated[str | None, typer.Option(metavar="TIME", help="How long that was counted: 60s, 2h.")]
PoolName = Annotated[str | None, typer.Option("--pool", metavar="NAME", help="Which pool, if the file has several.")]
Rate = Annotated[float | None, typer.Option(min=0.0, metavar="N", help="Checkouts a second, in each process.")]
Held = Annotated[str | None, typer.Option(metavar="TIME", help="For how long each holds its session: 20ms, 0.5s.")]
Wait = Annotated[str, typer.Option(metavar="TIME", help="How long 99 of 100 checkouts may wait at most.")]
SizeOfToday = Annotated[int | None, typer.Option("--size", min=1, max=BUSIEST, metavar="N", help="The size of today.")]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="Callers at a time, in each process.")]
Processes = Annotated[int, typer.Option(min=1, metavar="N", help="How many processes have such a pool.")]
Surge = Annotated[
    float,
    typer.Option(
        min=0.0, max=10.0, metavar="PART", help="What a deployment adds: 1 if all processes are started anew at once."
    ),
]
MaxConnections = Annotated[
    int | None, typer.Option(min=1, max=BUSIEST, metavar="N", help="How many sessions the server takes.")
]
Reserved = Annotated[
    int, typer.Option(min=0, metavar="N", help="How many of them are for others: administrators, backups.")
]


@app.callback()
def top(version: Version = False) -> None:
    """A keep-alive session pool: idle sessions are kept alive, dead ones are replaced before anybody gets them.

    **pingpool demo** shows what that means: five seconds, an embedded database, and a saboteur.

    **pingpool probe** finds out how long idle sessions survive on the path to your database.

    **pingpool advise** says how many sessions a pool needs, and how many the server has room for.
    """


@app.command(cls=Command)
def demo(
    url: Place = None,
    seconds: Seconds = 5.0,
    workers: Workers = 16,
    size: Size = 4,
    plain: Plain = False,
    timeline: Picture = None,
) -> None:
    """See a pool survive a saboteur.

    Threads move money between the accounts of a bank: real SQL on a real SQLite file, through a few pooled sessions.
    Meanwhile a saboteur

    - closes sessions behind the pool's back, both idle ones and ones in use,
    - makes workers drop a session without giving it back,
    - interrupts workers in the middle of a transaction.

    Opening a session takes 40 ms and a ping 10 ms, as over a network, so that you can see them.

    With a URL the bank uses that database (SQLite, PostgreSQL, MySQL, MariaDB, Redis or Valkey) at its own speed. It
    needs one table, or keys with one prefix, `pingpool_demo_...`, and removes them at the end. Sessions are killed by
    ending their streams on this side, so the user in the URL only needs the right to create a table, or to write and
    delete keys.

    A password need not be in the URL: `PGPASSWORD` and libpq's password file, `MYSQL_PWD`, `REDISCLI_AUTH` and
    `VALKEYCLI_AUTH` are read. If the server wants one that is nowhere, it is asked for at the terminal.

    At the end the money is counted. The exit status is **0** if no money was lost, no worker was handed a dead session
    and no slot of the pool was lost; **1** if not, or if the database cannot be reached.

    Try

    - `pingpool demo --seconds 20 --workers 40`
    - `pingpool demo --timeline demo.svg`
    - `pingpool demo --plain > report.txt`
    - `pingpool demo postgresql://user@host/database`
    - `pingpool demo redis://cache`
    """
    console = Console(highlight=False)
    plan = Plan(seconds=seconds, workers=workers, size=size)
    try:
        with ended_like_ctrl_c(), nullcontext(venue(url)) if url else embedded() as place:
            is_well = perform(plan, place, console, plain=plain or not console.is_terminal, picture=timeline)
    except (Unavailable, PoolError) as error:
        raise ended(error) from None
    if not is_well:
        raise typer.Exit(1)


@app.command(cls=Command)
def probe(url: FarEnd, up_to: Age = "30m", sessions: Sessions = 24, plain: Plain = False) -> None:
    """Find out how long an idle session survives on this path.

    Servers, proxies, load balancers and firewalls end sessions that are silent for too long, often without notice. The
    probe opens sessions, leaves them idle for growing times, and pings each of them once. Where one is dead, it tries
    new sessions between that age and the oldest that was alive, until it knows the limit to 5 %.

    That takes about twice as long as the limit, or `--up-to` if nothing dies. **Ctrl-C** ends it early. It still
    reports what it saw, with a `ping_interval` that keeps sessions alive.

    A TIME is `90s`, `5m` or `2h`; a number alone is so many seconds.

    A password need not be in the URL: `PGPASSWORD` and libpq's password file, `MYSQL_PWD`, `REDISCLI_AUTH` and
    `VALKEYCLI_AUTH` are read. If the server wants one that is nowhere, it is asked for at the terminal.

    The exit status is **0** if the probe is complete, with a limit or with none up to `--up-to`; **1** if it was
    stopped, or if sessions could not be opened.

    Try

    - `pingpool probe postgresql://user@host/database --up-to 10m`
    - `pingpool probe redis://cache --up-to 2h --sessions 48`
    """
    console = Console(highlight=False)
    started = Probe(database(url), Search(duration(up_to, "--up-to"), sessions))
    with ended_like_ctrl_c():
        is_complete = observe(started, console, plain=plain or not console.is_terminal)
    if not is_complete:
        raise typer.Exit(1)


@app.command(cls=Command, no_args_is_help=True)
def advise(
    seen: Seen = None,
    later: Later = None,
    over: Over = None,
    pool: PoolName = None,
    rate: Rate = None,
    held: Held = None,
    wait: Wait = "10ms",
    size: SizeOfToday = None,
    threads: Threads = None,
    processes: Processes = 1,
    surge: Surge = 1.0,
    max_connections: MaxConnections = None,
    reserved: Reserved = 10,
) -> None:
    """Find out how many sessions a pool needs, and how many the server has room for.

    **What a pool needs** follows from how busy it is. Sessions in use = checkouts a second × seconds held: `--rate` and
    `--held`, or what a running pool has counted. How many more are needed, so that 99 of 100 checkouts wait at most
    `--wait`, is Erlang's sum for callers who come at random. Take the figures of the busiest minute.

    **Counters** are a file: a scrape of the Prometheus exporter, or the pool's `stats()` as JSON, written by
    `json.dumps(pool.stats()._asdict(), default=dict)`. `--over` tells how long it was counted. Of two files, what
    came in between counts.

    A TIME is `20ms`, `90s`, `5m` or `2h`; a number alone is so many seconds.

    **What the server has room for** = (`--max-connections` less `--reserved`) ÷ (`--processes` × (1 + `--surge`)).

    The exit status is **0** if the size fits, **1** if the server has no room for it.

    Try

    - `pingpool advise --rate 150 --held 20ms`
    - `pingpool advise --rate 150 --held 20ms --processes 4 --max-connections 100`
    - `pingpool advise --size 20 --processes 4 --max-connections 100`
    - `pingpool advise before.prom after.prom --over 60s --pool shop`
    """
    if seen is None and rate is None and max_connections is None:
        raise typer.BadParameter(
            "say how busy the pool is, or what the server takes", param_hint="--rate, --max-connections"
        )
    if seen is not None and rate is not None:
        raise typer.BadParameter("the counters tell that already", param_hint="--rate, --held")
    counted = None if seen is None else counters(seen, later, pool)
    answer = advice(
        Question(
            load=load_told(rate, held) if counted is None else load_counted(counted, over),
            wait=duration(wait, "--wait"),
            size=size or (counted.size if counted else None),
            threads=threads,
            server=Server(max_connections, reserved, processes, surge) if max_connections else None,
            seen=counted.waits if counted else None,
        )
    )
    for line in answer.lines:
        typer.echo(line)
    if not answer.is_well:
        raise typer.Exit(1)
