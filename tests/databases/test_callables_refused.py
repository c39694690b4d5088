"""What is given to a database of plain functions and cannot work is refused, by its name."""

from typing import Any

import pytest

import pingpool
from pingpool import CannotFill
from pingpool.databases.callables import AsyncCallables, Callables
from tests.databases.echo import Line


async def no_answer(session: object) -> Any:
    """A coroutine function."""


def takes_nothing() -> Any:
    """A function that cannot be called with a session."""


QUESTIONS = ["needs_reset", "looks_alive", "socket", "meaning_of", "expires_in", "survived_interrupt"]
CALLS = ["ping", "delete", "configure", "reset"]


@pytest.mark.parametrize("kind", [Callables, AsyncCallables])
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_that_cannot_be_asked_is_refused(kind: Any, name: str) -> None:
    """At once, by its name: it is asked in passing, of one session, or one error."""
    with pytest.raises(TypeError, match=f"{name} is a coroutine function; it is asked in passing"):
        kind(object, **{name: no_answer})
    with pytest.raises(TypeError, match=rf"its {name}\(\).* is called as {name}\(…\)"):
        kind(object, **{name: takes_nothing})


@pytest.mark.parametrize("kind", [Callables, AsyncCallables])
@pytest.mark.parametrize("name", [*QUESTIONS, *CALLS])
def test_what_is_no_function_is_refused(kind: Any, name: str) -> None:
    """At once, by its name, whatever it was meant for."""
    with pytest.raises(TypeError, match=f"{name}=3: give a function"):
        kind(object, **{name: 3})


@pytest.mark.parametrize("kind", [Callables, AsyncCallables])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_cannot_be_made_is_refused(kind: Any, name: str) -> None:
    """At once, by its name; a coroutine function only where none can be awaited."""
    with pytest.raises(TypeError, match=rf"its {name}\(\).* is called as {name}\(…\)"):
        kind(object, **{name: takes_nothing})
    if kind is Callables:
        with pytest.raises(TypeError, match=f"{name} is a coroutine function: AsyncCallables"):
            kind(object, **{name: no_answer})


def test_a_create_that_takes_more_is_refused() -> None:
    """It has nothing but a time-out and labels to be called with."""
    with pytest.raises(TypeError, match="create is a coroutine function: AsyncCallables"):
        Callables(no_answer)
    with pytest.raises(TypeError, match=r"its create\(server: .* is called as create\(\)"):
        Callables(Line)


def test_a_function_that_returns_a_coroutine_is_told_so() -> None:
    """No look at it shows that; the first call does."""
    with pytest.raises(CannotFill, match="configure is a coroutine function"):
        pingpool.open(Callables(object, configure=lambda session: no_answer(session)), size=1)
