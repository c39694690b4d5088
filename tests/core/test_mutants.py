"""The proofs on trial: every fault that is planted in the core has to be found."""

import os
import sys
from pathlib import Path

import pytest

import pingpool.core

from .argued import ARGUED
from .mutants import MUTANTS
from .trial import death_of

CORE = Path(pingpool.core.__file__).parent

TIMEOUT = 120.0
"""Seconds after which a mutant counts as dead because it runs in circles; the others take a second or two."""


EACH = int(os.environ.get("PINGPOOL_MUTANTS", "40"))
"""One in so many is tried; PINGPOOL_MUTANTS=1 tries all, for half an hour."""


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS[::EACH]])
def test_no_mutant_survives(name: str) -> None:
    """The explorer or the schedules notice every planted fault (`-s` shows which, and how)."""
    death = death_of(name, TIMEOUT)
    sys.stdout.write(f"\n{name:40} {death[:150]}\n")
    assert death != "survived"


def test_every_mutant_fits_the_core() -> None:
    """What a mutant replaces is there exactly once, also in those that the proofs do not try today."""
    for mutant in MUTANTS:
        assert mutant.source(str(CORE / f"{mutant.module}.py"))


def test_every_line_whose_mutant_is_no_fault_is_still_there() -> None:
    """Where the core has changed since, what was argued has to be argued anew."""
    for module, line, _ in ARGUED:
        assert line in [each.strip() for each in (CORE / f"{module}.py").read_text().splitlines()]


def test_every_mutant_is_another() -> None:
    """No two mutants are the same fault under two names."""
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant[1:] for mutant in MUTANTS}) == len(MUTANTS)
