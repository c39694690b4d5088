"""Imports: what `import pingpool` costs a program that starts."""

import os
import subprocess
import sys
from collections.abc import Callable

from bench.peers import OURS, UPSTREAM, installed
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, Target, at_least

TIMES = 25
PROBE = "import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
ASKING = "import sys, pingpool; print('asyncio' in sys.modules)"


def milliseconds(module: str) -> Callable[[], float]:
    """Return a round: the processor time of the import, in a new interpreter."""
    return lambda: float(fresh(PROBE.format(module=module))) * 1e3


def fresh(code: str) -> str:
    """Return what a new interpreter prints; it may use compiled modules, as those of users do."""
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout.strip()


def run(effort: Effort) -> Sheet:
    peers, missing = installed(OURS, UPSTREAM)
    rounds = interleave({peer.name: milliseconds(peer.module) for peer in peers}, max(3, effort.rounds // 3))
    loads_asyncio = fresh(ASKING) == "True"
    sheet = Sheet(
        title="imports: from nothing to ready",
        note="Processor time of the import statement in a fresh interpreter.",
        columns=["", "ms", "x pingpool"],
        missing=missing,
        raw={"ms": rounds.figures, "pingpool loads asyncio": loads_asyncio},
    )
    for peer in peers:
        times = rounds.ratio(peer.name, to=OURS.name)
        target = Target("without asyncio", not loads_asyncio) if peer is OURS else at_least(TIMES, times, " x")
        sheet.rows.append(Row([f"import {peer.module}", f"{rounds.median(peer.name):,.1f}", f"{times:.1f}"], target))
    return sheet
