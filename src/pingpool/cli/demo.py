"""The demo: a bank, its pool and a saboteur are set up, watched for a few seconds, and judged."""

import logging
import time
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from pingpool.cli.ambush import Ambush
from pingpool.cli.bank import Bank
from pingpool.cli.live import watch
from pingpool.cli.plain import follow
from pingpool.cli.report import Evidence, print_report
from pingpool.cli.saboteur import Saboteur
from pingpool.cli.scene import Plan, Scene
from pingpool.cli.venue import Venue
from pingpool.cli.witness import Witness
from pingpool.core.stats import Stats
from pingpool.database import Database, S
from pingpool.opening import opened
from pingpool.telemetry.timeline import Timeline
from pingpool.telemetry.timeline_svg import draw
from pingpool.threads.pool import PingingPool

PING_INTERVAL = 0.5
"""Seconds; short enough that the idle sessions of a demo get to be pinged."""

LAST_ORDERS = 15.0
"""Seconds that the workers have to finish what they are at when the bank closes."""

CALM = 3.0
"""Seconds in which the pool must be whole again when everybody has left."""


class Unavailable(Exception):
    """The database is no place for a bank; the text says why."""


def perform(plan: Plan, venue: Venue[S], console: Console, *, plain: bool, picture: Path | None) -> bool:
    """Run the demo, print the report, draw the picture if one is wanted; return whether all went as promised.

    Raises:
        Unavailable: the database cannot be reached, or takes no books, or does not let go of them.
        CannotFill: it gives fewer sessions than the plan wants.
    """
    with books(venue):
        evidence = stage(plan, console, venue, plain=plain)
    print_report(evidence, console)
    if picture is not None:
        picture.write_text(caption(evidence), encoding="utf-8")
        console.print(f"The timeline is in {picture}", soft_wrap=True)
    return evidence.is_well


def stage(plan: Plan, console: Console, venue: Venue[S], *, plain: bool) -> Evidence:
    """Let the bank work under sabotage until its time is up, or Ctrl-C, and collect the evidence."""
    witness, ambush, timeline = Witness(venue), Ambush[S](), Timeline()
    with unseen_warnings() as texts:
        new: PingingPool[S] = PingingPool(plan.size, 10, PING_INTERVAL, name="bank")
        with opened(timeline.record(new), witness) as pool:
            bank = Bank(pool, venue.accounts_on, witness, ambush, timeline)
            saboteur = Saboteur(witness, ambush, timeline)
            scene = Scene(plan, bank, timeline)
            bank.open(plan.workers)
            saboteur.start()
            try:
                (follow if plain else watch)(scene, console)
            except KeyboardInterrupt:
                console.print("Stopped early.")
            elapsed = scene.elapsed()
            saboteur.stop()
            bank.close(LAST_ORDERS)
            stats = calm(pool)
            ended_at = timeline.now()
    with borrowed(venue.database) as session:
        audit = venue.accounts_on(session).audit()
    return Evidence(
        plan=plan,
        elapsed=elapsed,
        ended_at=ended_at,
        audit=audit,
        notes=bank.notes,
        stats=stats,
        timeline=timeline,
        warnings=sum(text.startswith(pool.name) for text in texts),
    )


def calm(pool: PingingPool[S]) -> Stats:
    """Let the pool become whole again, and return its state."""
    until = time.monotonic() + CALM
    while (stats := pool.stats()).idle < stats.size and time.monotonic() < until:
        time.sleep(0.01)
    return stats


def caption(evidence: Evidence) -> str:
    """Draw the timeline, with words that say what it shows."""
    plan, stats = evidence.plan, evidence.stats
    return draw(
        evidence.timeline,
        title=f"A pool of {plan.size} under sabotage",
        subtitle=f"{plan.workers} workers made {len(evidence.notes.transfers):,} transfers; "
        f"{evidence.strikes.total()} strikes, {sum(stats.replaced.values())} sessions replaced, {stats.pings} pings",
        until=evidence.ended_at,
    )


@contextmanager
def books(venue: Venue[S]) -> Generator[None]:
    """Keep the bank's books in the database for the length of a block, and no longer."""
    with ExitStack() as until_the_end:
        with borrowed(venue.database) as session:
            until_the_end.push(partial(burn_the_books, venue))
            try:
                venue.accounts_on(session).open()
            except Exception as error:
                raise Unavailable(f"the bank could not be opened: {str(error).strip()}") from error
        yield


def burn_the_books(venue: Venue[S], _: object, error: BaseException | None, trace: object) -> None:
    """Leave nothing behind in the database. If that fails, then `error`, which ended the show, matters more."""
    with borrowed(venue.database) as session:
        accounts = venue.accounts_on(session)
        try:
            accounts.close()
        except Exception as failure:
            if error is None:
                raise Unavailable(f"{accounts.books} could not be removed: {str(failure).strip()}") from failure


@contextmanager
def borrowed(database: Database[S]) -> Generator[S]:
    """Open a session of the database's own, which no pool has seen, for the length of a block."""
    try:
        session = database.create(labels={}, timeout=10)
    except Exception as error:
        raise Unavailable(f"no session of {database!r} could be opened: {str(error).strip()}") from error
    try:
        yield session
    finally:
        database.delete(session, timeout=10)


@contextmanager
def unseen_warnings() -> Generator[list[str]]:
    """Collect the text of warnings instead of showing them, and keep the pool's log quiet, for the length of a block.

    Only the text: Python 3.13 warns of a dropped connection too, and whoever keeps that warning keeps the connection.
    """
    texts: list[str] = []

    def note(message: Warning | str, *_: object, **__: object) -> None:
        texts.append(str(message))

    log = logging.getLogger("pingpool")
    was_passed_on = log.propagate
    silence = logging.NullHandler()
    log.addHandler(silence)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ResourceWarning)
            warnings.showwarning = note
            yield texts
    finally:
        log.propagate = was_passed_on
        log.removeHandler(silence)
