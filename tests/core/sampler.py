"""Draw random mutants of the core, and see whether its tests find them: `make mutants`.

Every fault that a slip of the hand could make in `src/pingpool/core` is a mutant (see `operators`). Some are drawn;
each is tried in a process of its own, by the quick tests first, then by the proofs. What lives through all that shows a
promise that nobody checks: write the test that finds it, or say in `argued.py` why it is no fault.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pingpool.core

from .argued import ARGUED
from .operators import Fault, mutations
from .trial import Planting, run_apart, trial

CORE = Path(pingpool.core.__file__).parent
HERE = Path(__file__).parent
SLOW = {"test_every_state.py", "test_schedules.py", "test_mutants.py"}
"""The proofs, in full; mutants are tried by `trial`, a short form of them."""

SILENT = {"tally.py", "__init__.py"}
"""Without logic."""

TIMEOUT = 180.0
"""Seconds after which a mutant counts as found, because it runs in circles."""

ROOM = 2 << 30
"""Bytes of memory that a mutant may take; one that wants more counts as found too."""

EPILOG = """\
examples:
  make mutants                                   draw 100 mutants
  python -m tests.core.sampler --count 20        draw 20
  python -m tests.core.sampler --seed 7          draw the same as another run did; it printed its seed
  python -m tests.core.sampler --module ledger   draw from one module only

Each survivor is shown with its place and what was changed. Then either
  - write a test in tests/core that fails because of it, or
  - if it changes nothing that anybody could notice, add it to tests/core/argued.py with the reason.
The exit status is 1 if a survivor is not argued.
"""


def draw(module: str | None, seed: int, count: int) -> list[Fault]:
    """Return random faults of the core, or of one of its modules."""
    paths = [path for path in sorted(CORE.glob("*.py")) if path.name not in SILENT and module in (None, path.stem)]
    sites: list[Callable[[], Fault]] = []
    for path in paths:
        sites += mutations(path.stem, path.read_text())
    say(f"{len(sites)} mutants in {len(paths)} modules; drawing {min(count, len(sites))} with seed {seed}\n")
    return [site() for site in random.Random(seed).sample(sites, min(count, len(sites)))]


def is_argued(fault: Fault) -> str | None:
    """Return why this is no fault, if somebody said so."""
    return ARGUED.get((fault.module, fault.old, fault.new))


def fate_of(fault: Fault) -> str:
    """Try one mutant in a process of its own; return what found it, or 'survived'."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(fault.text)
        file.flush()
        done = run_apart(__spec__.name, "--try", fault.module, file.name, timeout=TIMEOUT)
    if done is None:
        return "found by the clock"
    if done.returncode:
        return "found at import"
    return done.stdout.splitlines()[-1]


def face_the_tests() -> str:
    """Run the quick tests, then the proofs, on the core that is planted in this process."""
    quick = [str(path) for path in sorted(HERE.glob("test_*.py")) if path.name not in SLOW]
    if pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *quick]):
        return "found by a test"
    found = trial()
    return found if found == "survived" else f"found by the {found.split(':')[0]}"


def say(text: str) -> None:
    """Show it at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def report_of(survivors: list[Fault]) -> str:
    """Say where each survivor is, and what was changed."""
    text = ""
    for fault in survivors:
        text += f"\nsrc/pingpool/core/{fault.module}.py:{fault.line}\n"
        text += "".join(f"  - {line}\n" for line in fault.old.splitlines())
        text += "".join(f"  + {line}\n" for line in fault.new.splitlines())
    return text


def run(count: int, seed: int, module: str | None, jobs: int) -> int:
    """Draw, try and report; return how many survivors nobody argued."""
    faults = draw(module, seed, count)
    argued = [fault for fault in faults if is_argued(fault)]
    faults = [fault for fault in faults if not is_argued(fault)]
    survivors: list[Fault] = []
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=jobs) as trials:
        for number, (fault, fate) in enumerate(zip(faults, trials.map(fate_of, faults), strict=True), 1):
            if fate == "survived":
                survivors.append(fault)
            say(f"{number:4}/{len(faults)}  {time.monotonic() - began:5.0f} s  {fault.module}:{fault.line}  {fate}\n")
    found = len(faults) - len(survivors)
    say(f"\n{found} found, {len(argued)} argued, {len(survivors)} survived (seed {seed})\n{report_of(survivors)}")
    return len(survivors)


def main() -> int:
    """Understand the command line."""
    parser = argparse.ArgumentParser(
        "python -m tests.core.sampler",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=100, help="how many mutants to draw (100)")
    parser.add_argument("--seed", type=int, help="which ones; a random number if not given, which is printed")
    parser.add_argument("--module", help="draw from one module only, for instance `ledger`")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many to try side by side")
    parser.add_argument("--try", nargs=2, metavar=("MODULE", "FILE"), help=argparse.SUPPRESS)
    chosen = vars(parser.parse_args())
    if chosen["try"]:
        module, file = chosen["try"]
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
        sys.meta_path.insert(0, Planting(Fault(module, 0, "", "", Path(file).read_text())))
        for name in [name for name in sys.modules if name.startswith("pingpool")]:
            del sys.modules[name]
        say("\n" + face_the_tests() + "\n")
        return 0
    seed = random.SystemRandom().randrange(10_000) if chosen["seed"] is None else chosen["seed"]
    return min(1, run(chosen["count"], seed, chosen["module"], chosen["jobs"]))


if __name__ == "__main__":
    sys.exit(main())
