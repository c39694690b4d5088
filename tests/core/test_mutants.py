"""The proofs on trial: every fault that is planted in the core has to be found."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .mutants import MUTANTS
from .trial import death_of

TIMEOUT = 120.0
"""Seconds after which a mutant counts as dead because it runs in circles; the others take a second or two."""


@pytest.fixture(scope="module")
def deaths() -> Iterator[dict[str, Future[str]]]:
    """Every trial, under way two by two."""
    with ThreadPoolExecutor(max_workers=2) as trials:
        yield {mutant.name: trials.submit(death_of, mutant.name, TIMEOUT) for mutant in MUTANTS}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS])
def test_no_mutant_survives(deaths: dict[str, Future[str]], name: str) -> None:
    """The explorer or the schedules notice every planted fault (`-s` shows which, and how)."""
    death = deaths[name].result()
    sys.stdout.write(f"\n{name:40} {death[:150]}\n")
    assert death != "survived"


def test_every_mutant_is_another() -> None:
    """No two mutants are the same fault under two names."""
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant[1:] for mutant in MUTANTS}) == len(MUTANTS)
