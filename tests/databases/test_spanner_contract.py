"""One table of promises, and both classes named PingingPool put through it by way of the real client.

Ours keeps every promise. Google's keeps those of its documentation that its own code keeps too; where it breaks one,
the table says so, and a version that mends it makes a test fail, so that the table stays true.
"""

import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")

from google.cloud.spanner_v1.database import Database

from tests.databases.spanner_cases import CASES, Case
from tests.databases.spanner_lab import OURS, UPSTREAM, lab_for, outcome
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

LONGEST = {True: 1.5 * SOON, False: 8.0}
"""Real seconds after which a case counts as broken: long where the promise is kept, for the machine may be busy."""


def result(case: Case, make: str, monkeypatch: pytest.MonkeyPatch) -> BaseException | None:
    """Put one class through one case, in a thread of its own since a broken pool may never come back."""
    is_kept = make == OURS or case.upstream_keeps_it
    with lab_for(make, monkeypatch, **case.server) as lab:
        return outcome(lambda: case.check(lab), within=LONGEST[is_kept])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_keeps_every_promise(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our class keeps every promise in the table."""
    broken = result(case, OURS, monkeypatch)
    if broken is not None:
        raise broken


@pytest.mark.skipif(not hasattr(Database, "with_error_augmentation"), reason="the table speaks of today's client")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.filterwarnings("default")
def test_upstream_does_what_the_table_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's class keeps the promises that the table says it keeps, and breaks the others."""
    broken = result(case, UPSTREAM, monkeypatch)
    if isinstance(broken, pytest.skip.Exception):
        raise broken
    if (broken is None) is not case.upstream_keeps_it:
        raise AssertionError(f"{case.check.__doc__} It came to this: {broken!r}") from broken
