"""What the error of a caller who got no session says, for each matter that there may be."""

import math
from typing import Any

import pytest

from pingpool.core.histogram import BOUNDS, Histogram
from pingpool.core.stats import Stats, snapshot
from pingpool.core.uses import Use
from pingpool.errors import DeadOnArrival
from pingpool.pool.diagnosis import ENOUGH, Picture, deadlock, diagnosis, no_session_within, notes
from pingpool.pool.holders import Holder, holders_of, in_short
from tests.core.by_hand import Pool

NOW = 100.0


def view() -> None:
    """Be a place in the code."""


def job() -> None:
    """Be another place in the code."""


def use(place: Any, held: float, holder: int = 1) -> Use:
    """Return a use that began so many seconds ago at the first line of a function."""
    return Use(place.__code__, 0, NOW - held, holder, 0)


def place(function: Any) -> str:
    """Return where a function begins."""
    return f"pool/test_diagnosis.py:{function.__code__.co_firstlineno}"


def usual(seconds: float) -> Histogram:
    """Return the uses of a pool that are all of one length."""
    return Histogram(BOUNDS, tuple(ENOUGH * (bound == seconds) for bound in (*BOUNDS, math.inf)), 0.0)


def stats(**changes: Any) -> Stats:
    """Return the figures of a pool of two whose sessions are both in use, with these changes."""
    empty = snapshot(Pool(2).ledger)
    return empty._replace(**{"vacant": 0, "in_use": 2, "waiting": 1, **changes})


def picture(
    *uses: Use, waiting: tuple[Use, ...] = (), nested: int = 0, is_filling: bool = True, **changes: Any
) -> Picture:
    """Return a pool whose sessions are held by these."""
    return Picture(NOW, stats(**changes), [*uses], [*waiting], nested, [], is_filling)


def test_places_are_named_with_count_and_age() -> None:
    """The text names the places that hold the most, and says how long the first session there has been held."""
    held = [use(view, 12.3), use(view, 3.0), use(job, 0.1)]
    said = no_session_within(5.0, picture(*held, size=3, in_use=3))
    assert said.startswith("no session within 5 s (3 sessions: 0 idle, 3 in use; 1 waiting; held by ")
    assert f"held by {place(view)} (2, longest 12.3 s), {place(job)} (1, 0.1 s))" in said


def test_few_places_are_named() -> None:
    """The text stays short, however many places hold sessions."""
    places = [eval(f"lambda: {number}", {}) for number in range(5)]
    codes = [each.__code__.replace(co_firstlineno=number) for number, each in enumerate(places)]
    said = no_session_within(0.0, picture(*[Use(code, 0, NOW, 1, 0) for code in codes], size=5, in_use=5))
    assert said.count("(1, ") == 3
    assert " and 2 more places)" in said


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (picture(is_filling=False, in_use=0, vacant=2), "it is not bound to a database, or was cleared: call bind()"),
        (
            picture(use(view, 1.0), in_use=1, vacant=1, last_failure="OSError: away"),
            "1 of 2 sessions cannot be opened: see the notes",
        ),
        (
            picture(size=4, in_use=0, vacant=4, wanted=0, last_failure="OSError: away"),
            "1 of 4 sessions cannot be opened: see the notes",
        ),
        (
            picture()._replace(stats=stats(size=4, in_use=0, wanted=0, waiting=9, last_failure="OSError: away")),
            "4 of 4 sessions cannot be opened: see the notes",
        ),
        (
            picture(
                size=4, in_use=0, vacant=4, wanted=0, last_failure="DeadOnArrival: a new session was dead"
            )._replace(failures=[(NOW, DeadOnArrival("a new session was dead"))]),
            "1 of 4 sessions die at once: see the notes",
        ),
        (
            picture(use(view, 9.0), use(view, 9.0), nested=1),
            "1 held by callers who wait for another one: nested checkouts",
        ),
        (
            picture(use(view, 60.0), use(job, 0.1), uses=usual(0.1)),
            "1 of them is held much longer than usual (99% of uses end within 0.1 s): a leak?",
        ),
        (picture(use(view, 6.0), use(job, 7.0)), "none came back in that time: slow holders"),
        (picture(use(view, 6.0), use(job, 7.0), uses=usual(2.5)), "none came back in that time: slow holders"),
        (
            picture(use(view, 0.2), use(job, 7.0), waiting=(use(job, 5.0, 9),)),
            "those that came back went to others in line: the pool is too small for 1 waiting",
        ),
        (picture(use(view, 0.2), in_use=1, checking=1), ""),
    ],
)
def test_the_matter_is_told(seen: Picture, said: str) -> None:
    """Each matter shows in the figures."""
    assert diagnosis(5.0, seen) == said


def test_who_did_not_wait_is_told_no_reason() -> None:
    """In no time nobody could have brought a session back."""
    assert diagnosis(0.00003, picture(use(view, 6.0), use(job, 7.0))) == ""


def test_failures_are_noted_with_their_ages() -> None:
    """The last failure comes first; what is long past tells nothing."""
    failures: list[tuple[float, BaseException]] = [(-900.0, OSError("old")), (90.0, OSError("a")), (97.5, OSError("b"))]
    assert notes(picture()._replace(failures=failures)) == ["2.5 s ago: OSError: b", "10 s ago: OSError: a"]


def test_what_others_wrote_stays_in_its_line() -> None:
    """An error's text, or a file's name, cannot begin another line, move a cursor, or fill a screen."""

    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    failures: list[tuple[float, BaseException]] = [
        (NOW, Rude()),
        (NOW, OSError("a\nb\x1b[2J")),
        (NOW, OSError("x" * 900)),
    ]
    cut, escaped, rude = notes(picture()._replace(failures=failures))
    assert len(cut) < 250
    assert escaped == "0 s ago: OSError: a b\\x1b[2J"
    assert rude == "0 s ago: Rude"
    assert in_short("/a/b\n/c.py", 3) == "b\\n/c.py:3"


def test_a_deadlock_names_all_places() -> None:
    """All places that hold sessions are named, and all where somebody waits."""
    said = deadlock(picture(use(view, 1.0), use(job, 2.0), waiting=(use(view, 0.5), use(view, 0.5))))
    assert said.startswith(
        "every session is held by a block that waits for another one (2 sessions: 0 idle, 2 in use; "
    )
    assert f"held by {place(job)} (1, 2.0 s), {place(view)} (1, 1.0 s)" in said
    assert f"waiting at {place(view)} (2, longest 0.5 s)" in said


def test_holders_are_told_by_place() -> None:
    """The place that holds the most comes first; the names are of those who are known, the first one first."""
    held = [use(job, 9.0, 3), use(view, 1.0, 2), use(view, 4.0, 1), use(view, 2.0, 1)]
    assert holders_of(held, {1: "web-1", 2: "web-2"}, NOW) == [
        Holder(place(view), 3, 4.0, ("web-1", "web-2")),
        Holder(place(job), 1, 9.0, ()),
    ]
    assert holders_of([Use(None, 0, NOW, 0, 0)], {}, NOW) == [Holder("somewhere", 1, 0.0, ())]
