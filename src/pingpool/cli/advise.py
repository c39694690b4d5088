"""What a person reads of the advice: the load, what each size would mean, what the server has room for, and what to do.

The sums themselves are in `telemetry.sizing`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pingpool.cli.waits import in_words
from pingpool.core.histogram import Histogram
from pingpool.telemetry.sizing import IN_TIME, Load, Prospect, Server, least_size, most_processes, prospect

BURSTY = 2
"""Callers who waited so many times as long as the sum says came in bursts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is known, and what is wanted. `size` is that of today, `threads` how many callers a process has, `seen` how
    long callers waited.
    """

    wait: float
    load: Load | None = None
    size: int | None = None
    threads: int | None = None
    server: Server | None = None
    seen: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The lines to be read; `is_well` if what is wanted can be had."""

    lines: list[str]
    is_well: bool


def advice(question: Question) -> Advice:
    """Answer the question. Without a load it is only told how many sessions there is room for."""
    load, server = question.load, question.server
    wanted = None if load is None else _enough(load, question)
    asked = wanted or question.size
    room = math.inf if server is None else server.room
    lines: list[str] = []
    if load is not None and wanted is not None:
        lines += [*_of_load(load), "", *_of_sizes(load, wanted, question), *_of_bursts(load, question), ""]
    if server is not None:
        lines += [*_of_server(server, asked), ""]
    if asked is None:
        return Advice([*lines, f"At most size={room:.0f}."], is_well=True)
    if asked <= room:
        return Advice([*lines, _of_a_size_that_fits(asked, question)], is_well=True)
    return Advice([*lines, *_of_one_that_does_not(asked, room)], is_well=False)


def _enough(load: Load, question: Question) -> int:
    """Return the size that is wanted; with as many sessions as callers nobody ever waits."""
    enough = least_size(load, question.wait)
    return enough if question.threads is None else min(enough, question.threads)


def _of_load(load: Load) -> Iterator[str]:
    yield (
        f"The load: {load.rate:.4g} checkouts a second × {in_words(load.held)} held "
        f"= {load.in_use:,.6g} sessions in use on average."
    )


def _of_sizes(load: Load, wanted: int, question: Question) -> Iterator[str]:
    """Yield a row for each size around the wanted one, that of today, and the one that the server has room for."""
    today, room = question.size, question.server.room if question.server else None
    sizes = {*range(max(1, wanted - 2), wanted + 2), today or wanted, room or wanted}
    yield f"{'size':>6}  {'find all in use':>16}  {'1 in 100 waits longer than':>27}"
    for size in sorted(sizes):
        words = {wanted: "wanted", today: "today", room: "all that the server has room for"}
        yield _row(prospect(load, size), words.get(size, "")).rstrip()


def _row(expected: Prospect, word: str) -> str:
    longest = "without end: too few" if expected.longest == math.inf else in_words(expected.longest)
    return f"{expected.size:6}  {expected.waiting:16.1%}  {longest:>27}  {word}"


def _of_bursts(load: Load, question: Question) -> Iterator[str]:
    """Say whether callers waited longer than they should have, if they came at random."""
    if question.seen is None or question.size is None or not question.seen.total:
        return
    seen, expected = question.seen.at_most(IN_TIME), prospect(load, question.size).longest
    yield ""
    most = question.seen.bounds[-1]
    within = f"at most {in_words(seen)}" if seen <= most else f"up to more than {most:g} s"
    yield f"Counted: 99 of 100 checkouts waited {within}."
    if seen > BURSTY * max(expected, question.seen.bounds[0]):
        yield "That is longer than the sum says: they came in bursts, or some held a session much longer than others."
        yield "Look at who holds them first (pool.holders()); then take more than the sum."


def _of_server(server: Server, asked: int | None) -> Iterator[str]:
    most = most_processes(server.processes, server.surge)
    yield f"The server: {server.max_connections} sessions - {server.reserved} for others = {server.places} for pools."
    yield f"The processes: {server.processes} × (1 + {server.surge:g} in a deployment) = {most}."
    yield f"The room in each: {server.places} ÷ {most} = {server.room} sessions."
    if asked is not None:
        yield f"All together: {most} × {asked} = {server.sessions(asked)} sessions."


def _of_a_size_that_fits(asked: int, question: Question) -> str:
    change = f"; it is {question.size}" if question.size not in (None, asked) else ""
    return f"Take size={asked}{change}." if question.load else f"size={asked} fits."


def _of_one_that_does_not(asked: int, room: float) -> Iterator[str]:
    yield f"size={asked} does not fit: there is room for {room:.0f}."
    yield "Hold sessions for a shorter time, have fewer processes, allow more sessions, or put a pooler between."
