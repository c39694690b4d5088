"""The hooks of a database: which it brings; and, before any is called, which cannot work. That is refused at `bind`."""

from collections.abc import Iterator
from types import CodeType
from typing import Any

from pingpool.database import AsyncDatabase, Database
from pingpool.errors import PoolError

AnyDatabase = Database[Any] | AsyncDatabase[Any]

CO_COROUTINE = 0x80
"""The flag of a code object that is a coroutine function: `inspect.CO_COROUTINE`."""

SESSION = object()
"""Stands for a session, where only the number of arguments matters."""

QUESTIONS: dict[str, tuple[Any, ...]] = {
    "looks_alive": (SESSION,),
    "descriptor_of": (SESSION,),
    "needs_reset": (SESSION,),
    "in_transaction": (SESSION,),
    "had_written": (SESSION,),
    "expires_in": (SESSION,),
    "survived_interrupt": (SESSION,),
    "let_go": (SESSION,),
    "meaning_of": (Exception(),),
    "for_callers": (PoolError(), Exception()),
}
"""What is asked in passing, and with what."""

CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "create": ((), {"labels": {}, "timeout": 1.0}),
    "create_many": ((1,), {"labels": {}, "timeout": 1.0}),
    "ping": ((SESSION,), {"timeout": 1.0}),
    "check": ((SESSION,), {"timeout": 1.0}),
    "configure": ((SESSION,), {"timeout": 1.0}),
    "reset": ((SESSION,), {"timeout": 1.0}),
    "unlock": ((SESSION,), {"timeout": 1.0}),
    "delete": ((SESSION,), {"timeout": 1.0}),
    "abort": ((SESSION,), {}),
}
"""What the workers call, and with what. There is no `abort` for asyncio."""


def overrides(database: AnyDatabase, method: str) -> bool:
    """Does the database bring its own version of this optional method?"""
    kind = Database if isinstance(database, Database) else AsyncDatabase
    usual = getattr(kind, method)
    return getattr(type(database), method, usual) is not usual or method in vars(database)


def refuse_what_cannot_work(database: Any) -> None:
    """Raise a `TypeError` that names the first hook of the database that cannot work."""
    for complaint in _complaints_about(database):
        raise TypeError(f"a pool cannot work with this {type(database).__name__}: {complaint}")


def _complaints_about(database: object) -> Iterator[str]:
    is_for_threads = isinstance(database, Database)
    for name, facts in QUESTIONS.items():
        hook: Any = getattr(database, name)
        if is_coroutine_function(hook):
            yield f"its {name} is a coroutine function; it is asked in passing, so it has to be a plain one"
        yield from wrong_signature(name, hook, facts, {})
    for name, (facts, named) in CALLS.items():
        call: Any = getattr(database, name, None)
        if is_for_threads and is_coroutine_function(call):
            yield f"its {name} is a coroutine function; those are for an AsyncDatabase, and open_async()"
        if call is not None:
            yield from wrong_signature(name, call, facts, named)


def is_coroutine_function(hook: Any) -> bool:
    """Has its answer to be awaited?"""
    code = getattr(hook, "__code__", None)  # of a mock this is anything
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE)


def wrong_signature(name: str, hook: Any, facts: tuple[Any, ...], named: dict[str, Any]) -> Iterator[str]:
    """Complain if a hook does not take what it is called with."""
    from inspect import signature  # as slow to import as all the rest together

    try:
        takes = signature(hook)
    except (TypeError, ValueError):  # a builtin does not tell
        return
    try:
        takes.bind(*facts, **named)
    except TypeError as error:
        called = ", ".join(["…"] * len(facts) + [f"{each}=…" for each in named])
        yield f"its {name}{takes} is called as {name}({called}): {error}"
