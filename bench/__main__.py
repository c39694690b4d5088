"""The command: `python -m bench [NAME ...]`."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

if find_spec("pingpool") is None:
    sys.exit("pingpool is not installed here. `make bench` sees to that, and so does `pip install -e '.[bench]'`.")

from bench import (
    aio,
    checkin,
    costs,
    crowds,
    django_requests,
    engines,
    fairness,
    fill,
    fleet,
    handover,
    imports,
    in_vain,
    keeping,
    outage_elsewhere,
    outages,
    pair,
    real,
    size,
    steps,
    web,
)
from bench.rounds import FULL, QUICK, Effort
from bench.sheet import NEAR, Sheet, show

BENCHES: dict[str, tuple[Callable[[Effort], Sheet], str]] = {
    "pair": (pair.run, "one get + put, nobody else there"),
    "profile": (steps.run, "the same, statement by statement"),
    "checkin": (checkin.run, "what a check-in asks of each database"),
    "real": (real.run, "a checkout on PostgreSQL, MariaDB, Valkey, SQLite, beside psycopg_pool's"),
    "fairness": (fairness.run, "checkouts per thread, when 8 or 64 threads fight for 4 sessions"),
    "handover": (handover.run, "from a put until the caller who waited goes on"),
    "size": (size.memory, "bytes of bookkeeping per idle session"),
    "fill": (fill.run, "a hundred sessions of 20 ms each, from nothing to full"),
    "imports": (imports.run, "import pingpool, in a fresh interpreter"),
    "many": (size.many, "a pair in a pool of a million sessions"),
    "costs": (costs.run, "what an event costs in pools of ten to a million sessions"),
    "crowds": (crowds.run, "what a pool, a session or a hang-up costs among thousands of others"),
    "in-vain": (in_vain.run, "a get that ends with PoolTimeout, while thousands are lent, or wait"),
    "keeping": (keeping.run, "what a pool costs that nobody uses, and threads that all wait; two minutes"),
    "outages": (outages.run, "what callers notice when a PostgreSQL has a bad day; four minutes"),
    "outages-elsewhere": (outage_elsewhere.run, "the same on a MariaDB and a Valkey, pingpool alone; two minutes"),
    "fleet": (fleet.run, "ten thousand processes, all at once, on virtual time; ten minutes"),
    "web": (web.run, "FastAPI, a hundred requests at once on four sessions"),
    "sqlalchemy": (engines.run, "its engines over pingpool, and over its own pool; a minute"),
    "django": (django_requests.run, "a request of Django's, and idle kills, over pingpool and Django's own ways"),
    "aio-pair": (aio.pair, "asyncio: one get + put in one task"),
    "aio-many": (aio.many, "asyncio: a thousand tasks, ten sessions"),
    "aio-fill": (aio.fill, "asyncio: a hundred sessions of 20 ms each"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    effort = QUICK if options.quick else FULL
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{python} on {platform.system()} {platform.machine()}. Trust the ratios: they are taken side by side.")
    sheets: dict[str, Sheet] = {}
    for name in options.names or BENCHES:
        start = time.monotonic()
        sheets[name] = BENCHES[name][0](effort)
        show(sheets[name])
        print(f"  ({time.monotonic() - start:.0f} s)")
    targets = [target for sheet in sheets.values() for target in sheet.targets]
    print(f"\n{sum(target.is_met for target in targets)} of {len(targets)} targets met.")
    if options.json:
        options.json.write_text(json.dumps({"python": python, "benches": _as_data(sheets)}, indent=1) + "\n")
    missed = {name: [target for target in sheet.targets if not target.is_near] for name, sheet in sheets.items()}
    for name, far in missed.items():
        for target in far:
            print(f"{name}: less than {NEAR:.0%} of {target.promise}")
    return 1 if options.check and any(missed.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure pingpool side by side with other pools, each target beside its figure.",
        epilog="benches:\n" + "\n".join(f"  {name:19}{about}" for name, (_, about) in BENCHES.items()) + _TEACHING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME", help="which benches; all if none")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: for a look, not for a figure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number, round by round, to this file")
    parser.add_argument(
        "--check", action="store_true", help="exit with status 1 if a figure is below three quarters of its target"
    )
    return parser


_TEACHING = """

how to read it:
  The contenders take turns in short rounds; figures are medians over the rounds, and ratios medians of
  the ratios within each round, so a busy machine moves them little. Peers that are not installed are
  named and left out; `pip install -e '.[bench]'` brings them.

examples:
  python -m bench                          everything; takes a few minutes
  python -m bench --quick pair fairness    a look at two of them
  python -m bench --json figures.json      with the raw numbers
"""


def _as_data(sheets: dict[str, Sheet]) -> dict[str, object]:
    return {
        name: {
            "title": sheet.title,
            "raw": sheet.raw,
            "missing": list(sheet.missing),
            "targets": [
                {
                    "of": row.cells[0],
                    "promise": row.target.promise,
                    "is_met": row.target.is_met,
                    "is_near": row.target.is_near,
                }
                for row in sheet.rows
                if row.target is not None
            ],
        }
        for name, sheet in sheets.items()
    }


if __name__ == "__main__":
    sys.exit(main())
