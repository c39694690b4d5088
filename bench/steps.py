"""The pair step by step: how many nanoseconds each statement of `get` and `put` takes on the fast way.

The methods are compiled anew with a stamp of the time before every statement, whatever they are at the moment; what a
stamp costs is measured between two that have nothing between them, and taken off.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from statistics import median
from time import perf_counter_ns
from typing import Any

from bench.pair import SIZE, nanoseconds
from bench.peers import OURS
from bench.rounds import Effort
from bench.sheet import Row, Sheet
from pingpool import PingingPool
from pingpool.core.ledger import Ledger

METHODS: list[tuple[type[Any], str]] = [
    (PingingPool, "get"),
    (PingingPool, "put"),
    (Ledger, "check_out"),
    (Ledger, "check_in"),
]
PAIRS = 20
"""How many pairs, a round, are looked at statement by statement."""

WIDTH = 62

Stamp = tuple[str, int]
"""The statement that comes next, and the time in nanoseconds."""


class Stamped(ast.NodeTransformer):
    """Puts a stamp before every statement."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._lines = source.splitlines()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for part in ("body", "orelse", "finalbody"):
            if isinstance(body := getattr(node, part, None), list):
                setattr(node, part, [line for statement in body for line in (self._stamp(statement), statement)])
        return node

    def _stamp(self, statement: ast.stmt) -> ast.stmt:
        label = f"{self._name}: {self._lines[statement.lineno - 1].strip()}"
        [stamp] = ast.parse(f"note(({label!r}, clock()))").body
        return stamp


def stamped(method: Callable[..., Any], note: Callable[[Stamp], None]) -> Callable[..., Any]:
    """Return the same method, with a stamp before each of its statements."""
    source = textwrap.dedent(inspect.getsource(method))
    [definition] = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef)
    definition.body = definition.body[bool(ast.get_docstring(definition)) :]
    Stamped(method.__name__, source).generic_visit(definition)
    made = {**method.__globals__, "note": note, "clock": perf_counter_ns}
    code = compile(ast.fix_missing_locations(ast.Module([definition], [])), inspect.getfile(method), "exec")
    exec(code, made)
    compiled: Callable[..., Any] = made[method.__name__]
    return compiled


@contextmanager
def all_stamped(note: Callable[[Stamp], None]) -> Iterator[None]:
    """Have the methods of the pair stamped for a while."""
    with ExitStack() as stack:
        for owner, name in METHODS:
            plain = getattr(owner, name)
            stack.callback(setattr, owner, name, plain)
            setattr(owner, name, stamped(plain, note))
        yield


def cost_of_a_stamp(note: Callable[[Stamp], None], stamps: list[Stamp]) -> float:
    """Return the nanoseconds between two stamps with nothing between them."""
    stamps.clear()
    for _ in range(PAIRS):
        note(("", perf_counter_ns()))
        note(("", perf_counter_ns()))
    return median(later - sooner for (_, sooner), (_, later) in zip(stamps[::2], stamps[1::2], strict=True))


def run(effort: Effort) -> Sheet:
    lender = OURS.open(SIZE)
    plain = median(nanoseconds(lender)() for _ in range(5))
    stamps: list[Stamp] = []
    steps: dict[tuple[int, str], list[float]] = {}
    with all_stamped(stamps.append):
        get, put = PingingPool.get, PingingPool.put
        pool = lender.get.__self__  # type: ignore[attr-defined] # the pool behind it
        for _ in range(PAIRS * effort.rounds):
            cost = cost_of_a_stamp(stamps.append, stamps)
            stamps.clear()
            put(pool, get(pool))
            stamps.append(("", perf_counter_ns()))
            for place, ((what, since), (_, until)) in enumerate(pairwise(stamps)):
                steps.setdefault((place, what), []).append(until - since - cost)
    lender.close()
    figures = {
        what: max(0.0, median(each)) for (_, what), each in steps.items() if len(each) > PAIRS * effort.rounds / 2
    }
    sheet = Sheet(
        title="profile: the pair, statement by statement",
        note=f"Stamps slow all of it down: trust the shares. Without them the pair takes {plain:,.0f} ns.",
        columns=["", "ns", "share"],
        raw=dict(figures),
    )
    total = sum(figures.values())
    for what, figure in figures.items():
        sheet.rows.append(Row([what[:WIDTH], f"{figure:.0f}", f"{figure / total:.0%}"]))
    sheet.rows.append(Row(["all of it", f"{total:,.0f}", "100%"]))
    return sheet
