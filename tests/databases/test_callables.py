"""A database made of plain functions."""

import pytest

import pingpool
from pingpool import Meaning, testing
from pingpool.databases.callables import Callables
from pingpool.databases.in_threads import InThreads
from pingpool.testing import Clock


class Line:
    """A thing that is costly to open."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_dead = False

    def say(self, word: str) -> None:
        """Say it, unless the line is dead."""
        if self.is_dead:
            raise BrokenPipeError("nobody listens")
        self.said.append(word)


class Telephone(Line):
    """One with methods of its own to prove and end it."""

    def ping(self) -> None:
        """Prove it."""
        self.say("hello?")

    def close(self) -> None:
        """End it."""
        self.say("goodbye")


class Deletable(Line):
    """One that is not closed but deleted."""

    def delete(self) -> None:
        """End it."""
        self.say("deleted")


def test_one_function_is_enough() -> None:
    """What can be opened can be pooled; its own `ping` and `close` are used."""
    clock = Clock()
    with testing.open(Callables(Telephone), size=1, ping_interval=60, clock=clock) as pool:
        clock.advance(60)
        with pool.session() as line:
            pass
    assert set(line.said) == {"hello?", "goodbye"}


def test_what_is_not_closed_is_deleted() -> None:
    """Without a `close` the session's `delete` ends it."""
    with pingpool.open(Callables(Deletable), size=1) as pool, pool.session() as line:
        pass
    assert line.said == ["deleted"]


def test_functions_take_the_place_of_methods() -> None:
    """`ping` and `delete` that are given are called instead of the session's own."""
    clock = Clock()
    database = Callables(Telephone, ping=lambda line: line.say("ahoy"), delete=lambda line: line.say("over"))
    with testing.open(database, size=1, ping_interval=60, clock=clock) as pool:
        clock.advance(60)
        with pool.session() as line:
            pass
    assert set(line.said) == {"ahoy", "over"}


def test_a_ping_that_raises_has_the_session_replaced() -> None:
    """Any error of `ping` means that the session is dead."""
    pool = pingpool.PingingPool[Telephone](size=1, ping_interval=0)
    pool.bind(Callables(Telephone))
    with pool.session() as line:
        line.is_dead = True
    with pool.session() as another:
        assert another is not line
    pool.close()


def test_errors_may_tell_that_a_session_is_lost() -> None:
    """`meaning_of` decides which errors of a block have the session replaced; of others a ping finds the dead."""
    for meaning_of, replaced in (
        (lambda error: Meaning.LOST if isinstance(error, BrokenPipeError) else None, {"lost": 1}),
        (lambda error: None, {"gone": 1}),
        (None, {"gone": 1}),
    ):
        with pingpool.open(Callables(Telephone, meaning_of=meaning_of), size=1) as pool:
            with pytest.raises(BrokenPipeError), pool.session() as line:
                line.is_dead = True
                line.say("hello")
            with pool.session() as another:
                another.say("hello")
            assert pool.stats().replaced == replaced


def test_what_a_function_does_not_know_is_judged_as_ever() -> None:
    """Where nobody listens is known without a function for it."""
    database = Callables(Telephone, meaning_of=lambda error: None)
    assert database.meaning_of(ConnectionRefusedError()) is Meaning.UNREACHABLE
    assert database.meaning_of(BrokenPipeError()) is Meaning.UNKNOWN


def test_a_session_may_be_looked_at() -> None:
    """One that does not look alive, by the function for that, is never lent."""
    with pingpool.open(Callables(Telephone, looks_alive=lambda line: not line.is_dead), size=1) as pool:
        with pool.session() as line:
            line.is_dead = True
        with pool.session() as another:
            assert another is not line


def test_a_session_may_know_its_own_end() -> None:
    """At the end that the function tells of a new session it is replaced before it is lent; also through threads."""
    clock = Clock()
    database = Callables(Telephone, expires_in=lambda line: 60)
    with testing.open(database, size=1, ping_interval=1000, clock=clock) as pool:
        first = pool.get()
        pool.put(first)
        clock.advance(60)
        with pool.session() as another:
            assert another is not first
    assert InThreads(database).expires_in(Telephone()) == 60


def test_a_session_that_nobody_can_prove_says_so() -> None:
    """Without a `ping` anywhere, the error names what is missing, and the session is replaced."""
    database = Callables(Line, delete=lambda line: None)
    with pytest.raises(AttributeError, match="ping"):
        database.ping(Line(), timeout=5)
