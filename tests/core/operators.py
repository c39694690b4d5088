"""Small faults of every kind, for any source: what a slip of the hand could do to it.

`mutations` finds each place where a kind of fault can be made. Figures and sentences are left alone: constants of a
module, docstrings, annotations, and the texts of errors are choices, not logic.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "append": "appendleft", "appendleft": "append", "popleft": "pop", "pop": "popleft"}

Change = Callable[[Any], None]
"""Makes the fault in a node."""


class Fault(NamedTuple):
    """One fault: where it is, what it changes there, and the whole source that has it."""

    module: str
    line: int
    old: str
    new: str
    text: str

    def source(self, path: str) -> str:
        """Return the changed source of the module."""
        return self.text


def mutations(module: str, source: str) -> Iterator[Callable[[], Fault]]:
    """Yield every fault that can be made in the source, ready to be built."""
    tree = ast.parse(source)
    logic = [node for outer in tree.body if isinstance(outer, ast.FunctionDef | ast.ClassDef) for node in inner(outer)]
    for node in logic:
        for change in changes(node):
            yield partial(build, module, tree, node, change)


def inner(outer: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or class, without its annotations, slots and texts."""
    for name, value in ast.iter_fields(outer):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not is_text(node):
                yield node
                yield from inner(node)


def is_text(node: ast.AST) -> bool:
    """Is this a docstring, `__slots__`, or a sentence for people?"""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "__slots__"
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def changes(node: ast.AST) -> Iterator[Change]:
    """Yield all that can go wrong in one node."""
    match node:
        case ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.AugAssign():
            if type(operator_of(node)) in SWAPS:
                yield swap_operator
        case ast.UnaryOp(op=ast.Not()):
            yield lambda node: become(node, node.operand)
        case ast.If() | ast.IfExp() | ast.While():
            yield negate
            yield setting("test", ast.Constant(False))
        case ast.Constant(value=bool() | int() | float() as value):
            yield setting("value", not value if isinstance(value, bool) else value + 1)
        case ast.Return(value=ast.expr()):
            yield setting("value", ast.Constant(None))
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in NAMES:
            yield setting("id" if isinstance(node, ast.Name) else "attr", NAMES[name])
    if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete | ast.Break):
        yield lambda node: become(node, ast.Pass())


def setting(name: str, value: object) -> Change:
    """Return the fault that gives an attribute of a node another value."""
    return lambda node: setattr(node, name, value)


def operator_of(node: Any) -> ast.AST:
    """Return the operator of a node; of a chain of comparisons, the first."""
    operator: ast.AST = node.ops[0] if isinstance(node, ast.Compare) else node.op
    return operator


def swap_operator(node: Any) -> None:
    """Take the operator that stands beside it."""
    operator = SWAPS[type(operator_of(node))]()
    if isinstance(node, ast.Compare):
        node.ops[0] = operator
    else:
        node.op = operator


def negate(node: Any) -> None:
    """Go the other way."""
    node.test = ast.UnaryOp(ast.Not(), node.test)


def become(node: ast.AST, other: ast.AST) -> None:
    """Turn a node into another."""
    node.__class__ = other.__class__  # type: ignore[assignment]
    node.__dict__ = {**{name: getattr(node, name) for name in ("lineno", "col_offset")}, **vars(other)}


def build(module: str, tree: ast.Module, node: ast.AST, change: Change) -> Fault:
    """Make the fault in a copy of the tree."""
    marks = {id(node): "here"}
    place = next(number for number, each in enumerate(ast.walk(tree)) if id(each) in marks)
    changed = copy.deepcopy(tree)
    change(next(each for number, each in enumerate(ast.walk(changed)) if number == place))
    text = ast.unparse(ast.fix_missing_locations(changed))
    old, new = differing(ast.unparse(tree), text)
    return Fault(module, getattr(node, "lineno", 0), old, new, text)


def differing(old: str, new: str) -> tuple[str, str]:
    """Return the lines that differ, without those that both begin and end with."""
    before, after = old.splitlines(), new.splitlines()
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return ("\n".join(line.strip() for line in lines) for lines in (before, after))  # type: ignore[return-value]
