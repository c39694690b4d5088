"""What type checkers make of our types: good code passes (`user_code`), and each misuse is found."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

MISUSE = """
from collections.abc import Mapping

import pingpool
from pingpool import Database, PingingPool
from pingpool.databases.callables import Callables
from pingpool.testing import FakeSession, FaultyDatabase

pool = pingpool.open(FaultyDatabase(), size=2)
lines: PingingPool[str] = PingingPool()

pool.get("5")  # arg-type
pool.get(timeout=None)
pool.put("a session")  # arg-type
pool.put(None)  # arg-type
pool.size = 5  # misc
pool.default_timeout = 5  # misc
pool.labels["team"] = "shop"  # index
pool.stats().idle = 5  # misc
word: str = pool.get()  # assignment
lines.bind(FaultyDatabase())  # arg-type
lines.bind(None)  # arg-type
lines.bind("sqlite://")  # arg-type
PingingPool[str](size="10")  # arg-type
PingingPool[str](labels={"team": 1})  # dict-item
PingingPool[str](sise=10)  # call-arg
PingingPool[str](10, 10, 3000, None, "name")  # call-arg
pingpool.open(None)  # call-overload
pingpool.open(FaultyDatabase(), sise=10)  # call-overload
pingpool.open(FaultyDatabase(), size="10")  # call-overload
pingpool.open(FaultyDatabase(), fill="lasy")  # call-overload
pingpool.open(FaultyDatabase(), wait_for="all")  # call-overload
pool.bind(FaultyDatabase(), 1)  # call-arg
pool.wait(sessions="2")  # arg-type
FaultyDatabase().fail("ping", times="1")  # arg-type
Callables(str, ping=lambda session: session.no_such_method())  # attr-defined
Callables(str, needs_reset=lambda session: session.no_such_method())  # attr-defined
Callables(str, socket=lambda session: session)  # misc
Database()  # abstract

with pool.session() as session:
    session.no_such_method()  # attr-defined


class Silent(Database[FakeSession]):
    def ping(self, session: FakeSession) -> None: ...  # override


class Wrong(Database[FakeSession]):
    def create(self, *, labels: Mapping[str, str], timeout: float) -> str:  # override
        return ""


Silent()  # abstract
"""
"""Each line that ends with a comment must be refused, for the reason in the comment; no other line may be."""


def test_every_misuse_is_found(tmp_path: Path) -> None:
    """mypy refuses exactly the lines of `MISUSE` that are wrong, each for its own reason."""
    code = tmp_path / "misuse.py"
    code.write_text(MISUSE)
    assert errors_in(code) == {
        number: comment[1]
        for number, line in enumerate(MISUSE.splitlines(), start=1)
        if (comment := re.search(r"  # ([a-z-]+)$", line))
    }


def test_good_code_passes() -> None:
    """mypy --strict has nothing to say about code as users write it."""
    assert errors_in(HERE / "user_code.py") == {}


def errors_in(code: Path) -> dict[int, str]:
    """Return the code of the first error that mypy finds in each line of a file.

    Of an argument too many it may find a second one, by the option that it takes it for, now this and now that.
    """
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", str(code)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], timeout=110)
    assert found.returncode in (0, 1), found.stdout + found.stderr
    lines = re.findall(rf"{re.escape(code.name)}:(\d+): error: .*\[([a-z-]+)\]$", found.stdout, re.MULTILINE)
    assert len(lines) == found.stdout.count(" error: "), found.stdout
    return {int(number): reason for number, reason in reversed(lines)}
