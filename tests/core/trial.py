"""A mutant on trial: the core with one fault planted, and the proofs let loose on it.

Each trial is a process of its own, in which one module of the core is compiled from the changed source. It prints which
proof killed the mutant, and how.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from types import ModuleType

from .mutants import MUTANTS, Mutant
from .operators import Fault


class Planting(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module of the core before anybody else does, and loads it with the fault planted."""

    def __init__(self, mutant: Mutant | Fault) -> None:
        """Wait for the module to be imported."""
        self.mutant = mutant
        self.name = f"pingpool.core.{mutant.module}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the module that is to be changed, and no other."""
        if fullname != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        self.path = spec.origin
        return importlib.util.spec_from_file_location(fullname, spec.origin, loader=self)

    def get_source(self, fullname: str) -> str:
        """Return the changed source, whatever is cached."""
        return self.mutant.source(self.path)


def death_of(name: str, timeout: float) -> str:
    """Let the proofs loose on a mutant; return which one killed it and how, or 'survived'."""
    done = run_apart(__name__, name, timeout=timeout)
    if done is None:
        return "the clock: it never comes to an end"
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def run_apart(module: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str] | None:
    """Run a module in a process of its own; None if it has not ended within so many seconds."""
    command = [sys.executable, "-m", module, *arguments]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=here, check=False)
    except subprocess.TimeoutExpired:
        return None


def trial() -> str:
    """Try the proofs one after the other, the quickest first."""
    from .explorer import survey
    from .model import Broken
    from .schedules import run_many
    from .small import Config

    proof = "explorer"
    try:
        for config, most in (
            (Config(1, 2, rounds=1), 400),
            (Config(1, 1, lives_on=True, late=False, resets=False, doubts=False, refusals=False), 1_000),
            (Config(2, 2, lifetime=3), 400),
            (Config(1, 1, expiring=True, late=False, resets=False, doubts=False, refusals=False), 2_000),
            (Config(1, 1, hang_ups=True, late=False, refusals=False), 3_000),
            (Config(2, 2, hang_ups=True, renewals=True, late=False, resets=False, doubts=False, refusals=False), 3_000),
            (Config(2, 3), 1000),
            (Config(2, 2, adoptions=True), 1000),
            (Config(1, 1, nested=True), 1000),
            (Config(2, 2, nested=True), 1000),
            (Config(1, 1, young=True, late=False, resets=False, doubts=False, refusals=False), 5_000),
            (Config(1, 1, short_staffed=True), 5_000),
            (Config(1, 1, leftovers=True), 5_000),
            (Config(2, 2, rounds=1, on_demand=True, late=False, resets=False, doubts=False, refusals=False), 2_000),
            (Config(2, 2, renewals=True, late=False, resets=False, doubts=False, refusals=False), 3_000),
            (Config(1, 1, renewals=True, late=False, doubts=False, refusals=False), 2_000),
            (
                Config(
                    2,
                    1,
                    rounds=1,
                    on_demand=True,
                    renewals=True,
                    late=False,
                    resets=False,
                    doubts=False,
                    refusals=False,
                ),
                4_000,
            ),
            (Config(1, 1), 20_000),
        ):
            survey(config, most)
        proof = "schedules"
        run_many(0, 4_000)
    except Broken as broken:
        return f"{proof}: {str(broken).splitlines()[0]}"
    return "survived"


if __name__ == "__main__":
    sys.meta_path.insert(0, Planting(next(mutant for mutant in MUTANTS if mutant.name == sys.argv[1])))
    sys.stdout.write(trial())
