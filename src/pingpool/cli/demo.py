"""The demo: sets up a bank, its pool and a saboteur, shows them for some seconds, and judges."""

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
from pingpool.cli.live import show
from pingpool.cli.plain import print_lines
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
"""Seconds; so short that the idle sessions of a demo are pinged."""

CLOSING_TIME = 15.0
"""Seconds that workers have to finish when the bank closes."""

RECOVERY = 3.0
"""Seconds within which the pool must then be whole again."""


class Unavailable(Exception):
    """The database cannot be used for the demo; the text says why."""


def perform(plan: Plan, venue: Venue[S], console: Console, *, plain: bool, picture: Path | None) -> bool:
    """Run the demo, print the report, draw the picture if one is wanted; return whether all went as promised.

    Raises:
        Unavailable: the database cannot be reached, or the accounts cannot be created or removed.
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
    witness, ambush, timeline = Witness(venue), Ambush[S](), Timeline()
    with unseen_warnings() as texts:
        new: PingingPool[S] = PingingPool(plan.size, 10, PING_INTERVAL, name="bank")
        with opened(timeline.record(new), witness, wait_for=None) as pool:
            bank = Bank(pool, venue.accounts_on, witness, ambush, timeline)
            saboteur = Saboteur(witness, ambush, timeline)
            scene = Scene(plan, bank, timeline)
            bank.open(plan.workers)
            saboteur.start()
            try:
                (print_lines if plain else show)(scene, console)
            except KeyboardInterrupt:
                console.print("Stopped early.")
            elapsed = scene.elapsed()
            timeline.periods += bank.hours(until=timeline.now())
            saboteur.stop()
            bank.close(CLOSING_TIME)
            stats = whole_again(pool, witness)
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


def whole_again(pool: PingingPool[S], witness: Witness[S]) -> Stats:
    """Let the pool find who is dead and become whole again, and return its state."""
    until = time.monotonic() + RECOVERY
    while True:
        stats = pool.stats()
        if (stats.idle == stats.size and witness.sees_all_alive()) or time.monotonic() > until:
            return stats
        time.sleep(0.01)


def caption(evidence: Evidence) -> str:
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
    """Create the accounts for the length of a block."""
    with ExitStack() as until_the_end:
        with borrowed(venue.database) as session:
            until_the_end.push(partial(remove_books, venue))
            try:
                venue.accounts_on(session).open()
            except Exception as error:
                raise Unavailable(f"the bank could not be opened: {str(error).strip()}") from error
        yield


def remove_books(venue: Venue[S], _: object, error: BaseException | None, trace: object) -> None:
    """Remove the accounts. If that fails, `error`, which ended the demo, matters more."""
    with borrowed(venue.database) as session:
        accounts = venue.accounts_on(session)
        try:
            accounts.close()
        except Exception as failure:
            if error is None:
                raise Unavailable(f"{accounts.books} could not be removed: {str(failure).strip()}") from failure


@contextmanager
def borrowed(database: Database[S]) -> Generator[S]:
    """Open a session outside of any pool, for the length of a block."""
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
    """Collect warnings as text instead of showing them, and silence the pool's log, for the length of a block.

    Only the text: from Python 3.13 on a warning may hold the dropped connection.
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
