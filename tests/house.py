"""The house, as data: which rooms there are, who may import whom; and how its sources are read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# --------------------------------------------------------------------------------------------------- the house, as data

# Room -> the rooms that it may import, besides itself. A file lives in the longest room that its name begins with.
INSIDE = {"agenda", "text", "errors", "observer", "options", "database", "clock", "references", "core", "pool"}
WORLDS = {"threads", "aio"}
EDGE = INSIDE | WORLDS | {"__init__", "extras", "opening", "schemes", "naming", "databases", "testing"}
ALLOWED: dict[str, set[str]] = {
    "text": set(),
    "errors": set(),
    "extras": set(),
    "observer": set(),
    "options": {"errors", "observer", "text"},
    "database": {"errors"},
    "clock": set(),
    "references": set(),
    "agenda": set(),
    "core": {"agenda", "errors", "references", "text"},
    "pool": {"core", "database", "observer", "options", "clock", "errors", "text"},
    "threads": INSIDE,
    "aio": INSIDE,
    "naming": {"errors", "options", "text"},
    "schemes": {"database", "errors", "naming"},
    "databases": {"database", "errors", "text", "pool", "naming"},
    "opening": INSIDE | WORLDS | {"schemes"},
    "databases.spanner": INSIDE | WORLDS | {"databases", "naming"},  # a drop-in for the client's own pool
    "testing": EDGE | {"telemetry", "plugins"},
    "telemetry": EDGE,
    "plugins": EDGE,
    "cli": EDGE | {"telemetry"},
    "__init__": INSIDE | WORLDS | {"opening", "databases"},
    "__main__": {"cli"},
}

SRC = Path(__file__).parent.parent / "src"

# ----------------------------------------------------------------------------------------------------- reading a source


@dataclass(frozen=True)
class Source:
    """A file of ours: its dotted module name, whether it is a package's `__init__`, and its text."""

    name: str
    text: str
    is_package: bool = False

    @property
    def room(self) -> str | None:
        """The room it lives in, or None when the table knows none."""
        return room_of(self.name)

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Import:
    """One import: the dotted name it asks for, and whether only a type checker ever sees it."""

    target: str
    line: int
    for_types: bool


def room_of(module: str) -> str | None:
    """The longest room of ours that a dotted name begins with; the package itself is `__init__`."""
    ours, _, rest = module.partition(".")
    if ours != "pingpool":
        return None
    parts = rest.split(".") if rest else ["__init__"]
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in ALLOWED), None)


def room_looked_into(target: str) -> str | None:
    """The room that an import looks into: a name that is no room of ours, as in `pingpool.open`, is in `__init__`."""
    return (room_of(target) or "__init__") if target.partition(".")[0] == "pingpool" else None


def imports_of(source: Source) -> Iterator[Import]:
    """Every import in a source: at the top, in functions, for type checkers, and by `import_module("...")`."""
    tree = ast.parse(source.text)
    for_types = {id(node) for guarded in ast.walk(tree) if is_type_guard(guarded) for node in walk_body(guarded)}
    for node in ast.walk(tree):
        for target in targets_of(node, source):
            yield Import(target, getattr(node, "lineno", 0), id(node) in for_types)


def is_type_guard(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`, however the name was imported."""
    return isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"


def walk_body(node: ast.AST) -> Iterator[ast.AST]:
    """Every node in the body of an `if`, but none of its `else`."""
    assert isinstance(node, ast.If)
    for statement in node.body:
        yield from ast.walk(statement)


def targets_of(node: ast.AST, source: Source) -> Iterator[str]:
    """The dotted names that one node imports; none for most nodes."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = absolute(module or "", level, source)
            yield from (f"{base}.{alias.name}" for alias in names)
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]) if is_import_function(function):
            yield absolute(name.lstrip("."), len(name) - len(name.lstrip(".")), source)
        case _:
            return


def is_import_function(function: ast.expr) -> bool:
    """Whether a call of this function imports what it is given."""
    return ast.unparse(function).rpartition(".")[2] in {"import_module", "__import__"}


def absolute(name: str, level: int, source: Source) -> str:
    """The absolute form of a name that was written with `level` leading dots."""
    if level == 0:
        return name
    base = ".".join(source.package.split(".")[: 1 - level or None])
    return f"{base}.{name}" if name else base


@cache
def our_sources() -> tuple[Source, ...]:
    """Every Python file under `src/`."""
    return tuple(read(path) for path in sorted(SRC.rglob("*.py")))


def read(path: Path) -> Source:
    """One file, under the name by which it is imported."""
    parts = path.relative_to(SRC).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return Source(".".join(parts[:-1] if is_package else parts), path.read_text(encoding="utf-8"), is_package)
