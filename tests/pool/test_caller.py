"""Where a checkout was made: the user's line, also through wrappers."""

import gc
import inspect
import re
import warnings
from types import ModuleType

import pytest

import pingpool
from pingpool import PingingPool, PoolTimeout
from pingpool.pool import caller
from pingpool.testing import FakeSession, FaultyDatabase
from tests.threads.checks import soon

PLUG = "a plug.py"
"""The file of a wrapper that is not ours."""


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of somebody else, whose function gets sessions for its callers."""
    module = ModuleType("plug")
    source = (
        "def get_through(pool):\n    return pool.get()\n\ndef get_through_two(pool):\n    return get_through(pool)\n"
    )
    exec(compile(source, PLUG, "exec"), vars(module))
    monkeypatch.setattr(caller, "WRAPPERS", set(caller.WRAPPERS))
    return module


def leak_of(pool: PingingPool[FakeSession], caplog: pytest.LogCaptureFixture) -> str:
    """What is said of a session that was just dropped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
        # The worker that opened the session may hold it for a moment longer; so look again and again.
        assert soon(lambda: pool.stats().leaked == 1 and "was never put back" in caplog.text)
    return caplog.text


@pytest.mark.parametrize("how", ["get_through", "get_through_two"])
@pytest.mark.parametrize("is_registered", [True, False])
def test_a_leak_names_the_line_of_the_user(
    plug: ModuleType, how: str, is_registered: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of a file that says that it wraps `get` are skipped, however many; those of others are not."""
    wrappers = {*caller.WRAPPERS, PLUG} if is_registered else set(caller.WRAPPERS)
    monkeypatch.setattr("pingpool.threads.pool.WRAPPERS", wrappers)
    pool: PingingPool[FakeSession] = PingingPool(1)
    pool.bind(FaultyDatabase())
    getattr(plug, how)(pool)
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert (f"{__file__}:{line})" in leak_of(pool, caplog)) is is_registered
    assert (PLUG in caplog.text) is not is_registered
    pool.close()


def test_a_leak_in_a_block_names_the_block(caplog: pytest.LogCaptureFixture) -> None:
    """Our own wrapper, `with pool.session()`, is skipped too."""
    pool: PingingPool[FakeSession] = PingingPool(1)
    pool.bind(FaultyDatabase())
    block = pool.session()
    block.__enter__()
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    del block
    assert f"{__file__}:{line})" in leak_of(pool, caplog)
    pool.close()


def test_who_finds_no_session_is_told_where_they_are() -> None:
    """The error of an exhausted pool names the places of the checkouts, the most frequent one first."""
    with pingpool.open(FaultyDatabase(), size=3) as pool:
        held = [pool.get()]
        once = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
        held += [pool.get() for _ in range(2)]
        twice = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
        with pytest.raises(PoolTimeout) as raised:
            pool.get(0)
        told = re.findall(r"pool/test_caller\.py:(\d+) \((\d), (?:longest )?\d\.\d s\)", str(raised.value))
        assert told == [(str(twice), "2"), (str(once), "1")]
        for session in held:
            pool.put(session)


def test_whoever_has_no_caller_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """If every frame is one of a wrapper, the outermost is the place."""
    pool: PingingPool[FakeSession] = PingingPool(1)
    pool.bind(FaultyDatabase())
    frame, files = inspect.currentframe(), set()
    while frame is not None:
        files.add(frame.f_code.co_filename)
        frame = frame.f_back
    monkeypatch.setattr("pingpool.threads.pool.WRAPPERS", files)
    pool.put(pool.get())
    pool.close()


def test_a_warning_is_given_at_the_line_of_the_user() -> None:
    """However deep in this package it comes from, a warning points to the code that called in."""
    with pytest.warns(UserWarning, match="the text") as warned:
        caller.warn("the text")
    assert warned[0].filename == __file__


def test_a_file_is_registered_once_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wraps` takes any number of files, and the files of a package can be listed for it."""
    import pingpool

    monkeypatch.setattr(caller, "WRAPPERS", set())
    files = caller.files_of("pingpool", "core", "no such folder")
    caller.wraps(*files)
    assert pingpool.__file__ in caller.WRAPPERS
    assert any(file.endswith("ledger.py") for file in caller.WRAPPERS)


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.inside", "pingpool.errors"])
def test_what_is_not_installed_or_no_package_has_no_files(package: str) -> None:
    """Nothing has to be there, and nothing is imported."""
    assert caller.files_of(package) == []


def test_a_warning_that_is_an_error_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What warned goes on with its work."""
    with warnings.catch_warnings(action="error"):
        caller.warn("mind the gap")
    assert "mind the gap" in caplog.text
