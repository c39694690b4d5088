"""When are two worlds the same? When all that their futures depend on is.

What is forgotten: who is who (slots, callers and sessions are alike), and how long ago something was that no longer
matters: an overdue session does not grow more overdue.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pingpool.core.backoff import FIRST_PAUSE, STEP, TRIALS, URGENT, Backoff
from pingpool.core.orders import Job
from pingpool.core.reports import DOUBTS
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING

from .small import BRIEF, CALM, INTERVAL, UNIT, dropped

if TYPE_CHECKING:
    from .world import World

KINDS = {CREATING: 0, CHECKING: 1, RESETTING: 2, CLOSING: 3}


def unlike(codes: Iterable[int]) -> Iterable[int]:
    """Return the places of those that differ; of those that are alike one will do."""
    return {code: place for place, code in enumerate(codes)}.values()


def likeness(world: World) -> tuple[Any, ...]:
    """Return all that the future depends on, and nothing else."""
    ledger = world.ledger
    rounds = ledger.places.jobs.rounds
    served = {id(waiter.session) for waiter in world.served}
    slots = [
        sum((400 << place) * (slot in round.vacated) for place, round in enumerate(rounds)) for slot in ledger.vacant
    ]
    for slot in ledger.idle:
        slots.append(1 + wear(world, slot) + 200 * (slot.state is not IDLE))
    for at, slot in ledger.lent.items():
        if slot.ref is dropped:
            slots.append(40)
        elif at in served:
            slots.append(50 + wear(world, slot) + 200 * (slot.state is not IN_USE))
        else:
            slots.append(100 + worth(world, slot) + 10**9 * place_inside(world, slot))
    for job in ledger.jobs:
        slots.append(task(world, job) if job.slot is not None else -task(world, job))
        slots[-1] += 10**15 * moment(world, job)
    slots.sort()
    flags = (
        ledger.filling,
        ledger.serving.stock * ledger.filling,
        ledger.serving.renewal.has_room,
        ledger.serving.renewal.gap,
        ledger.closed,
        ledger.reports.refusal is not None,
        world.config.refusals and ledger.reports.was_well,
        world.config.refusals and ledger.reports.refused_in > 0,
        ledger.suspected_at == world.now,
    )
    ghost = world.ghost
    return (
        tuple(slots),
        len(world.line),
        flags,
        len(ledger.collected),
        len(ledger.places.left),
        0 if ghost is None else 1 + KINDS[ghost.kind],
        pause(world, ledger.serving.creation, 2),
        pause(world, ledger.serving.doubt, DOUBTS) if world.config.doubts or world.config.lives_on else 0,
        trials(world, ledger.serving.creation),
        sum(world.now - waiter.since >= URGENT for waiter in world.line) if world.config.on_demand else 0,
        tuple((round.enough, round.lasts, round.fills) for round in rounds),
    )


def wear(world: World, slot: Any) -> int:
    """Return all that matters of the age of a session in the hands of the pool."""
    age = min((world.now - slot.proven_at) / UNIT, INTERVAL)
    suspect = int(slot.proven_at <= world.ledger.suspected_at)
    code = int(age) + 3 * suspect + 6 * years(world, slot) + 100_000 * youth(world, slot)
    return code + 100_000_000 * renewal(world, slot) + 10**13 * hang_up(world, slot)


def renewal(world: World, slot: Any) -> int:
    """Return all that matters of a session that is to be renewed; 0 if it is not."""
    proven_at = world.ledger.serving.renewal.old.get(slot)
    if proven_at is None:
        return 0
    was_put_aside = slot.state is IN_USE and slot.proven_at == -math.inf
    return 1 + was_put_aside * (1 + int(min((world.now - proven_at) / UNIT, INTERVAL)))


def youth(world: World, slot: Any) -> int:
    """Return all that matters of how new a session is: whether it is on trial, and what its death would mean."""
    created_at = slot.created_at
    if created_at is None:
        return 0
    on_trial = created_at > world.ledger.serving.creation.distrusts_since
    pause = FIRST_PAUSE / UNIT
    return (1 + int(min((world.now - created_at) / UNIT, pause))) * (1 + slot.is_new) * 10 + on_trial


def worth(world: World, slot: Any) -> int:
    """Return all that matters of a session in the hands of its holder."""
    code = int(slot.proven_at <= world.ledger.suspected_at) + 2 * years(world, slot) + 100_000 * youth(world, slot)
    was_suspect = world.ledger.serving.renewal.old.get(slot, math.inf) <= world.ledger.suspected_at
    return code + 100_000_000 * (renewal(world, slot) + 10 * was_suspect) + 10**13 * hang_up(world, slot)


def hang_up(world: World, slot: Any) -> int:
    """Return all that matters of a hang-up that was heard: that it was, and when the session had been proven."""
    heard = world.ledger.places.hangups.heard
    if slot.ref is None:
        return 0  # what was heard of a session that has left is forgotten with the next one
    if id(slot.ref()) not in world.memory.hung_up:
        return 20 if slot in heard else 0
    proven_at = heard.get(slot, -math.inf)
    age = int(min((world.now - proven_at) / UNIT, INTERVAL))
    return 1 + age + 4 * (proven_at <= world.ledger.suspected_at)


def place_inside(world: World, slot: Any) -> int:
    """Return in which place of the line somebody waits inside the block of this use; 0 if nobody does."""
    if not world.config.nested:
        return 0
    return next((place for place, waiter in enumerate(world.line, 1) if slot.use in waiter.blocks), 0)


def task(world: World, job: Job) -> int:
    """Return all that matters of a job."""
    code = 1000 * (1 + KINDS[job.kind])
    if job.kind is CREATING or world.config.short_staffed:
        code += 100 * job.started
    if job.kind is CREATING and job.session is not None:
        code += 10_000_000_000 + wear(world, job.slot)
    code += 100_000_000_000 * job.outdated
    if job.kind is not CREATING:
        code += 0 if job.slot is None else years(world, job.slot) + 100_000 * youth(world, job.slot)
        code += 0 if job.slot is None else 100_000_000 * renewal(world, job.slot)
        code += 0 if job.slot is None else 10**13 * hang_up(world, job.slot)
    if job.kind is not CLOSING:
        code += 200 * job.unwanted + 50 * job.after_error + 25 * (world.config.quick and job.urgent)
    for place, round in enumerate(world.ledger.places.jobs.rounds):
        code += (400 << place) * (job in round.jobs)
    return code


def moment(world: World, job: Job) -> int:
    """Return all that matters of the ping of a session at hand: for how long it is, and whether it may be lent."""
    seen_at = world.ledger.serving.at_hand.pings.get(job)
    if seen_at is None:
        return 0
    return 1 + 2 * int((world.now - seen_at) / UNIT) + (seen_at <= world.ledger.suspected_at)


def years(world: World, slot: Any) -> int:
    """Return how many steps a session has left to live; 0 where nothing is said about that."""
    return int(max(0, 1 + (slot.retires_at - world.now) / UNIT)) if slot.retires_at < float("inf") else 0


def trials(world: World, backoff: Backoff) -> tuple[int, ...] | None:
    """Return when a session was created that nobody has proven, in steps; None if new ones are trusted."""
    if not backoff.distrusts:
        return None
    return tuple(int(min((world.now - at) / UNIT, TRIALS * URGENT / UNIT + 1)) for at in backoff.tried_at)


def pause(world: World, backoff: Backoff, failures: int) -> tuple[float, ...]:
    """Return all that matters of a back-off: what it allows, what it remembers, and how its pauses go on."""
    width = min(backoff.width, world.config.size)
    alone = max(0.0, backoff.next_at(0, waiting=0) - world.now)
    awaited = max(0.0, backoff.next_at(0, waiting=1) - world.now)
    hanging = world.now - backoff.began_at < URGENT
    counts = not backoff.failures or world.now - backoff.counted_at >= FIRST_PAUSE
    held_back = backoff.pause > 0 and not backoff.failures and world.now - backoff.ready_at <= STEP
    since = absence(world, backoff)
    return (width, min(backoff.failures, failures), backoff.pause, alone, awaited, hanging, counts, held_back, *since)


def absence(world: World, backoff: Backoff) -> tuple[int, ...]:
    """Return how long attempts have failed, in steps: until now, and until the last of them; or how long none has."""
    calm = int(min((world.now - backoff.counted_at) / UNIT, CALM))
    if backoff.failures == 0 and calm == CALM:
        return (0, 0, CALM)
    last = backoff.paused_at if backoff.failures else backoff.absent_since
    gone = [int(min(max(0.0, until - backoff.absent_since) / UNIT, BRIEF)) for until in (world.now, last)]
    return (*gone, 0 if backoff.failures else calm)
