"""The errors of a pool: whose kin they are, and that they survive being sent elsewhere."""

import pickle
import queue

import pytest

import pingpool
from pingpool import errors

ALL = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]

KIN = {
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
}


@pytest.mark.parametrize("error", ALL)
def test_everything_a_pool_raises_is_a_pool_error(error: type[Exception]) -> None:
    """One `except PoolError` catches whatever goes wrong in a pool."""
    assert issubclass(error, errors.PoolError)


@pytest.mark.parametrize(("error", "kin"), KIN.items())
def test_errors_are_kin_of_what_callers_expect(error: type[Exception], kin: list[type[Exception]]) -> None:
    """Code written for queues, time-outs and bad values catches our errors by the names it knows."""
    assert all(issubclass(error, each) for each in kin)


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_public(error: type[Exception]) -> None:
    """Whatever may be raised can be caught by a name of the package itself."""
    assert getattr(pingpool, error.__name__) is error
    assert error.__name__ in pingpool.__all__


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
