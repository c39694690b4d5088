"""The errors of a pool: what they are kinds of, and that they survive being sent elsewhere."""

import pickle
import queue

import pytest

import pingpool
from pingpool import errors
from pingpool.errors import PoolTimeout, all_behind, causes, with_notes

ALL = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]

KINDS = {
    errors.PoolTimeout: [queue.Empty, TimeoutError],
    errors.TooManyWaiters: [errors.PoolTimeout],
    errors.DatabaseRefuses: [errors.PoolTimeout],
    errors.PoolFull: [queue.Full],
    errors.AlreadyReturned: [errors.PoolFull],
    errors.NotLent: [errors.PoolFull],
    errors.Overrun: [TimeoutError],
    errors.BadSession: [TypeError],
    errors.UnknownScheme: [ValueError],
    errors.BadURL: [ValueError],
    errors.WrongLoop: [RuntimeError],
}


@pytest.mark.parametrize("error", ALL)
def test_everything_a_pool_raises_is_a_pool_error(error: type[Exception]) -> None:
    """One `except PoolError` catches whatever goes wrong in a pool."""
    assert issubclass(error, errors.PoolError)


@pytest.mark.parametrize(("error", "kinds"), KINDS.items())
def test_errors_are_what_callers_expect(error: type[Exception], kinds: list[type[Exception]]) -> None:
    """Code written for queues, time-outs and bad values catches our errors by the names it knows."""
    assert all(issubclass(error, each) for each in kinds)


def test_the_package_itself_names_what_people_catch() -> None:
    """Four errors are at hand; whatever else may be raised has its name in `pingpool.errors`, and is one of them."""
    at_hand = {name for name in pingpool.__all__ if name in vars(errors)}
    assert at_hand == {"PoolError", "PoolTimeout", "PoolClosed", "CannotFill"}
    assert all(getattr(pingpool, name) is getattr(errors, name) for name in at_hand)


@pytest.mark.parametrize("error", ALL)
def test_every_error_says_what_it_means(error: type[Exception]) -> None:
    """Each error has a docstring, its text is what it was given, and pickling changes nothing."""
    assert error.__doc__
    copy = pickle.loads(pickle.dumps(error("no session within 5 s")))
    assert type(copy) is error
    assert str(copy) == "no session within 5 s"


def test_a_timeout_is_not_taken_for_a_closed_pool() -> None:
    """Who tries again after a `PoolTimeout` does not try for ever on a closed pool."""
    assert not issubclass(errors.PoolClosed, errors.PoolTimeout)


def refused() -> ConnectionRefusedError:
    """Return an error that says that nobody listens."""
    return ConnectionRefusedError("nobody listens")


def wrapped(*, hidden: bool) -> BaseException:
    """Return an error that came up while another was handled; a traceback shows the other, unless it is hidden."""
    try:
        try:
            raise refused()
        except OSError as error:
            if hidden:
                raise RuntimeError("the second host is full") from None
            raise RuntimeError("cannot connect") from error
    except RuntimeError as error:
        return error


def test_causes_are_those_that_a_traceback_shows() -> None:
    """Also those in a group; what was hidden by `from None` is no cause."""
    both = ExceptionGroup("two addresses", [refused(), refused()])
    for error, is_refused in ((wrapped(hidden=False), True), (wrapped(hidden=True), False), (both, True)):
        assert any(isinstance(each, ConnectionRefusedError) for each in causes(error)) == is_refused


def test_all_that_an_error_holds_on_to_can_be_found() -> None:
    """Its cause, its context, hidden or not, and the members of a group; an error that is its own cause ends it."""
    assert len(list(all_behind(wrapped(hidden=True)))) == 2
    error = RuntimeError()
    error.__cause__ = error
    assert list(all_behind(error)) == [error]


def test_the_error_of_a_framework_has_the_notes_of_the_pools() -> None:
    """What failed lately is told also where another error stands for the pool's."""
    pools = PoolTimeout("no session")
    assert not hasattr(with_notes(TimeoutError(), pools), "__notes__")
    pools.add_note("0.1 s ago: refused")
    assert with_notes(TimeoutError(), pools).__notes__ == ["0.1 s ago: refused"]
