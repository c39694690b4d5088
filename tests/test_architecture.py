"""The house as `src/` must keep it: who may import whom, what the core may touch, how large and how named a file is.

Each rule is a function from a source to its complaints. It is asked twice: about every file of ours, which must give
none, and about the wrong sources at the end, which must each give one, so that every rule works.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.house import ALLOWED, SRC, Source, imports_of, our_sources, room_looked_into, room_of

# Pairs of rooms that never meet, not even for the sake of a type.
WORLDS_APART = {("threads", "aio"), ("aio", "threads")}

# What makes a world: the rules that both share know nothing of it.
OF_A_WORLD = {"threading", "_thread", "asyncio", "concurrent", "queue", "selectors", "time", "random"}

# So many equal lines in a row, in both worlds, are a rule that stands in two places.
TWIN = 6

# All that the core may import of the standard library: nothing that waits, tells the time, draws lots or reaches out.
PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "enum",
    "heapq",
    "itertools",
    "math",
    "types",
    "typing",
    "weakref",
}
IMPURE_BUILTINS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}

MOST_LINES = 400
NAMES_THAT_SAY_NOTHING = re.compile(r"(manager|helper|handler|util|utility|utilitie|inner|fairy)s?")


# ------------------------------------------------------------------------------------------------------------ the rules


def has_no_room(source: Source) -> Iterator[str]:
    """Complain about a file that no row of the table speaks of."""
    if source.room is None:
        yield f"{source.name} lives in no known room: add a row to ALLOWED"


def goes_the_wrong_way(source: Source) -> Iterator[str]:
    """Complain about each import, seen at run time, of a room that this one may not look into."""
    for imported in imports_of(source):
        there = room_looked_into(imported.target)
        is_open = there in {None, source.room} or there in ALLOWED.get(source.room or "", set())
        if not is_open and not imported.for_types:
            yield f"{source.name}:{imported.line} imports {imported.target}: {source.room} may not import {there}"


def meets_the_other_world(source: Source) -> Iterator[str]:
    """Complain about each import of the other world, also when it is for types only."""
    for imported in imports_of(source):
        if (source.room, room_of(imported.target)) in WORLDS_APART:
            yield f"{source.name}:{imported.line} imports {imported.target}: the two worlds never meet"


def core_imports_the_outside(source: Source) -> Iterator[str]:
    """Complain about each import of the core, also for types, that is neither ours nor on the list of pure modules."""
    for imported in imports_of(source):
        top = imported.target.partition(".")[0]
        if source.room == "core" and top not in PURE | {"pingpool"}:
            yield f"{source.name}:{imported.line} imports {imported.target}: the core is pure"


def pool_knows_a_world(source: Source) -> Iterator[str]:
    """Complain about each import, in the room that both worlds share, of what only one of them has."""
    for imported in imports_of(source):
        if source.room == "pool" and imported.target.partition(".")[0] in OF_A_WORLD:
            yield f"{source.name}:{imported.line} imports {imported.target}: pool/ knows no thread, no loop, no time"


def core_calls_the_outside(source: Source) -> Iterator[str]:
    """Complain about each use in the core of a builtin that reads, writes or runs something."""
    for node in ast.walk(ast.parse(source.text)):
        if source.room == "core" and isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS:
            yield f"{source.name}:{node.lineno} uses {node.id}: the core is pure"


def is_too_long(source: Source) -> Iterator[str]:
    """Complain about a file that is too long to hold one idea."""
    lines = len(source.text.splitlines())
    if lines > MOST_LINES:
        yield f"{source.name} has {lines} lines: at most {MOST_LINES} hold one idea"


def says_nothing(source: Source) -> Iterator[str]:
    """Complain about a module or package whose name holds a word that says nothing."""
    for word in re.split(r"[._]+", source.name):
        if NAMES_THAT_SAY_NOTHING.fullmatch(word):
            yield f"{source.name}: the word {word!r} says nothing; name the idea"


def stands_twice(source: Source, other: Source) -> Iterator[str]:
    """Complain about each run of equal lines, in two files of the two worlds, that is no signature and no import."""
    theirs = {run: line for line, run in runs_of(other)}
    for line, run in runs_of(source):
        if run in theirs:
            yield f"{source.name}:{line} and {other.name}:{theirs[run]} share {TWIN} lines: {run[0]} ..."


def runs_of(source: Source) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every run of so many lines in a row within one body, with the number of its first line."""
    tree = ast.parse(source.text)
    lines = source.text.splitlines()
    for body in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        first = body.body[1] if ast.get_docstring(body) and len(body.body) > 1 else body.body[0]
        numbers = [n for n in range(first.lineno, (body.end_lineno or 0) + 1) if lines[n - 1].strip()]
        for start in range(len(numbers) - TWIN + 1):
            yield numbers[start], tuple(lines[n - 1].strip() for n in numbers[start : start + TWIN])


def is_heavy(module: str) -> bool:
    """Whether a module that `import pingpool` loads is more than a user should pay for."""
    top = module.partition(".")[0]
    return top == "asyncio" or top not in sys.stdlib_module_names | {"pingpool"}


def complaints(rule: Callable[[Source], Iterator[str]]) -> list[str]:
    """What a rule has to say about all our files."""
    return [complaint for source in our_sources() for complaint in rule(source)]


# ------------------------------------------------------------------------------------------------- our house keeps them


def test_every_file_lives_in_a_known_room() -> None:
    """No file escapes the rules by living where the table does not look."""
    assert complaints(has_no_room) == []


def test_imports_go_one_way() -> None:
    """Outer rooms import inner ones, never the other way round."""
    assert complaints(goes_the_wrong_way) == []


def test_the_two_worlds_never_meet() -> None:
    """Threads never import asyncio's world nor it theirs, not even for types."""
    assert complaints(meets_the_other_world) == []


def test_the_core_imports_only_what_is_pure() -> None:
    """The core imports no thread, no loop, no clock, no random, no logging and no I/O."""
    assert complaints(core_imports_the_outside) == []


def test_the_shared_room_knows_no_world() -> None:
    """What stands in pool/ serves threads, asyncio, and any third world."""
    assert complaints(pool_knows_a_world) == []


def test_no_rule_stands_in_both_worlds() -> None:
    """What is written twice drifts: no six lines in a row are the same in threads/ and in aio/, signatures aside."""
    threads, aio = ([each for each in our_sources() if each.room == world] for world in ("threads", "aio"))
    assert threads
    assert aio
    assert [complaint for one in threads for other in aio for complaint in stands_twice(one, other)] == []


def test_a_rule_that_stands_twice_is_found() -> None:
    """Six equal lines are one complaint, five are none, and a signature does not count."""
    body = "def tell(self):\n    " + "\n    ".join(f"line({number})" for number in range(TWIN))
    one, other = Source("pingpool.threads.a", body), Source("pingpool.aio.b", body)
    assert len(list(stands_twice(one, other))) == 1
    assert list(stands_twice(one, Source("pingpool.aio.b", body.rpartition("\n")[0]))) == []


def test_the_core_calls_nothing_that_reaches_outside() -> None:
    """The core opens, prints and runs nothing."""
    assert complaints(core_calls_the_outside) == []


def test_no_file_is_too_long() -> None:
    """A file holds one idea, in at most 400 lines."""
    assert complaints(is_too_long) == []


@pytest.mark.parametrize("folder", ["tests", "bench", "examples"])
def test_no_file_beside_the_house_is_too_long(folder: str) -> None:
    """Neither does a test, a bench or an example."""
    files = [*(SRC.parent / folder).rglob("*.py")]
    assert files
    assert [file.name for file in files if len(file.read_text().splitlines()) > MOST_LINES] == []


def test_names_say_what_a_file_is_about() -> None:
    """No module is named manager, helper, handler, util or inner."""
    assert complaints(says_nothing) == []


def test_importing_pingpool_is_light() -> None:
    """`import pingpool` in a fresh interpreter loads no asyncio and nothing from outside the standard library."""
    look = f"import sys; sys.path.insert(0, {str(SRC)!r}); before = set(sys.modules); import pingpool; "
    tell = "print(*sorted(set(sys.modules) - before))"
    fresh = subprocess.run([sys.executable, "-I", "-c", look + tell], capture_output=True, text=True, timeout=60)
    assert fresh.returncode == 0, fresh.stderr
    assert [module for module in fresh.stdout.split() if is_heavy(module)] == []


# ---------------------------------------------------------------------------------------------- and every rule can fail

LONG = "\n" * (MOST_LINES + 1)
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "

CROOKED = [
    (has_no_room, Source("pingpool.attic", "")),
    (goes_the_wrong_way, Source("pingpool.errors", "import pingpool.core.slot")),
    (goes_the_wrong_way, Source("pingpool.database", "from pingpool import PingingPool")),
    (goes_the_wrong_way, Source("pingpool.core", "from ..threads import pool", is_package=True)),
    (goes_the_wrong_way, Source("pingpool.core", "from .. import database", is_package=True)),
    (goes_the_wrong_way, Source("pingpool.core.slot", "from ..database import Database")),
    (goes_the_wrong_way, Source("pingpool.core.slot", "def late():\n    from pingpool import threads")),
    (goes_the_wrong_way, Source("pingpool.core.slot", "if TYPE_CHECKING: pass\nelse: import pingpool.threads")),
    (goes_the_wrong_way, Source("pingpool.threads.pool", "from pingpool.databases.sqlite import from_url")),
    (goes_the_wrong_way, Source("pingpool.databases.sqlite", "from pingpool.threads import pool")),
    (goes_the_wrong_way, Source("pingpool.testing.clock", "import pingpool.cli")),
    (goes_the_wrong_way, Source("pingpool.cli.demo", "import pingpool.plugins.django")),
    (goes_the_wrong_way, Source("pingpool", "from pingpool.testing import Clock", is_package=True)),
    (goes_the_wrong_way, Source("pingpool", "import_module('.cli', __name__)", is_package=True)),
    (meets_the_other_world, Source("pingpool.threads.pool", TYPES + "from pingpool.aio.pool import AsyncPingingPool")),
    (meets_the_other_world, Source("pingpool.aio.pool", "def late():\n    from ..threads import pool")),
    (core_imports_the_outside, Source("pingpool.core.ledger", "from time import monotonic")),
    (pool_knows_a_world, Source("pingpool.pool.life", "def late():\n    import asyncio.events")),
    (goes_the_wrong_way, Source("pingpool.pool.life", "from pingpool.threads import pool")),
    (core_imports_the_outside, Source("pingpool.core.ledger", "import collections, threading")),
    (core_imports_the_outside, Source("pingpool.core.ledger", TYPES + "from datetime import timedelta")),
    (core_imports_the_outside, Source("pingpool.core.ledger", "clock = __import__('time')")),
    (core_calls_the_outside, Source("pingpool.core.ledger", "def tell(): print('hello')")),
    (is_too_long, Source("pingpool.core.ledger", LONG)),
    (says_nothing, Source("pingpool.core.slot_utils", "")),
    (says_nothing, Source("pingpool.helpers.slot", "")),
]

STRAIGHT = [
    (has_no_room, Source("pingpool", "", is_package=True)),
    (
        goes_the_wrong_way,
        Source("pingpool.core.ledger", "import math\nfrom . import slot\nfrom ..errors import PoolError"),
    ),
    (goes_the_wrong_way, Source("pingpool.databases.sqlite", TYPES + "from pingpool.threads.pool import PingingPool")),
    (goes_the_wrong_way, Source("pingpool.databases.spanner", "from pingpool.threads.pool import PingingPool")),
    (goes_the_wrong_way, Source("pingpool.cli.demo", "import pingpool\nfrom pingpool import PingingPool")),
    (goes_the_wrong_way, Source("pingpool", "def late():\n    from pingpool.aio import pool", is_package=True)),
    (meets_the_other_world, Source("pingpool.threads.pool", "import pingpool.core.ledger")),
    (core_imports_the_outside, Source("pingpool.core.ledger", "from collections.abc import Callable")),
    (core_imports_the_outside, Source("pingpool.threads.pool", "import threading")),
    (core_calls_the_outside, Source("pingpool.core.ledger", "def tell(door): door.open()")),
    (pool_knows_a_world, Source("pingpool.threads.pool", "import threading")),
    (is_too_long, Source("pingpool.core.ledger", LONG[1:])),
    (says_nothing, Source("pingpool.core.ledger", "")),
]


def name_of(value: object) -> str:
    """What a case is called in a test report."""
    return value.name if isinstance(value, Source) else getattr(value, "__name__", repr(value))


@pytest.mark.parametrize(("rule", "source"), CROOKED, ids=name_of)
def test_every_rule_can_fail(rule: Callable[[Source], Iterator[str]], source: Source) -> None:
    """Every rule complains exactly once about a source that breaks it."""
    assert len(list(rule(source))) == 1


@pytest.mark.parametrize(("rule", "source"), STRAIGHT, ids=name_of)
def test_no_rule_complains_without_cause(rule: Callable[[Source], Iterator[str]], source: Source) -> None:
    """No rule complains about a source that keeps it."""
    assert list(rule(source)) == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("asyncio", True),
        ("asyncio.events", True),
        ("rich.live", True),
        ("typer", True),
        ("queue", False),
        ("pingpool.core", False),
    ],
)
def test_what_counts_as_heavy(module: str, heavy: bool) -> None:
    """asyncio and whatever is not of the standard library are heavy; the rest of it and we ourselves are not."""
    assert is_heavy(module) is heavy


def test_the_table_speaks_only_of_its_own_rooms() -> None:
    """Every room that a row allows has a row of its own, so a misspelt name allows nothing."""
    assert set().union(*ALLOWED.values()) <= set(ALLOWED)
