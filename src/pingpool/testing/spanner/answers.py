"""What statements return: results in plain Python values."""

from collections.abc import Sequence

from google.cloud.spanner_v1.types import (
    ResultSet,
    ResultSetMetadata,
    ResultSetStats,
    StructType,
    Type,
)

Value = bool | int | float | str | bytes | None
Row = Sequence[Value]


class Answers:
    """The results of one server, by statement; a table's name stands for every read of that table.

    Each call gets a copy, because Google's mock server writes the new transaction into it.
    """

    def __init__(self) -> None:
        self._results: dict[str, ResultSet] = {}
        self.add("SELECT 1", [(1,)], (), None)

    def add(self, statement: str, rows: Sequence[Row], columns: Sequence[str], updated: int | None) -> None:
        self._results[normal(statement)] = result_set(rows, columns, updated)

    def get(self, statement: str) -> ResultSet | None:
        """Return the result of a statement (called by Google's mock server)."""
        known = self._results.get(normal(statement))
        return None if known is None else ResultSet(known)

    def add_table(self, name: str) -> None:
        """Let a table be empty, unless it has an answer."""
        self._results.setdefault(normal(name), result_set((), (), None))


def normal(statement: str) -> str:
    """Return a statement in the form in which Google's mock server compares it."""
    return statement.lower().strip()


def result_set(rows: Sequence[Row], columns: Sequence[str], updated: int | None) -> ResultSet:
    first = rows[0] if rows else ()
    names = columns or [f"column{number}" for number, _ in enumerate(first, start=1)]
    fields = [
        StructType.Field(name=name, type_=Type(code=type_code([row[at] for row in rows])))
        for at, name in enumerate(names)
    ]
    return ResultSet(
        metadata=ResultSetMetadata(row_type=StructType(fields=fields)),
        rows=[[on_the_wire(value) for value in row] for row in rows],
        stats=None if updated is None else ResultSetStats(row_count_exact=updated),
    )


def type_code(column: Sequence[Value]) -> str:
    known = next((value for value in column if value is not None), "")
    return {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING", bytes: "BYTES"}[type(known)]


def on_the_wire(value: Value) -> bool | float | str | None:
    """Return a value as Spanner sends it: integers as text; bytes are base64 already, for the client."""
    match value:
        case bool() | float() | str() | None:
            return value
        case int():
            return str(value)
        case bytes():
            return value.decode("ascii")
