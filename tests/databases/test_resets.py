"""What is left on a session object is seen without a round trip and put back; and how `reset=` is understood."""

import asyncio
from typing import Any

import pytest

from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.resets import Resets


class Settings:
    """Something that a session holds."""

    depth = 1


class Session:
    """A session whose holder may set this and that on it."""

    def __init__(self) -> None:
        self.autocommit = False
        self.row_factory: Any = None
        self.settings = Settings()


ATTRIBUTES = ("autocommit", "row_factory", "settings.depth")


def test_what_is_as_it_was_has_not_changed() -> None:
    """A session that was set and set back is as good as new."""
    attributes: Attributes[Session] = Attributes(*ATTRIBUTES)
    session = Session()
    attributes.remember(session)
    session.autocommit = True
    assert attributes.changed(session)
    session.autocommit = False
    assert not attributes.changed(session)


@pytest.mark.parametrize(("name", "value"), [("autocommit", True), ("row_factory", dict)])
def test_what_has_changed_is_put_back(name: str, value: object) -> None:
    """Each attribute gets the value that it had at first."""
    attributes: Attributes[Session] = Attributes(*ATTRIBUTES)
    session = Session()
    attributes.remember(session)
    setattr(session, name, value)
    session.settings.depth = 7
    attributes.put_back(session)
    assert (session.autocommit, session.row_factory, session.settings.depth) == (False, None, 1)
    assert not attributes.changed(session)


def test_a_stranger_has_not_changed() -> None:
    """Of a session that was never seen new nothing can be said, and nothing is set."""
    attributes: Attributes[Session] = Attributes(*ATTRIBUTES)
    session = Session()
    assert not attributes.changed(session)
    attributes.put_back(session)


def test_a_session_that_is_gone_is_forgotten() -> None:
    """What is remembered holds no session."""
    attributes: Attributes[Session] = Attributes(*ATTRIBUTES)
    attributes.remember(Session())
    assert len(attributes._first) == 0


@pytest.mark.parametrize("reset", ["rollback", "full", list.clear])
def test_only_a_plain_rollback_can_tell_that_nothing_is_to_be_done(reset: Any) -> None:
    """What else is asked for is done each time."""
    assert Resets(reset).at_rest is (False if reset == "rollback" else None)


@pytest.mark.parametrize(("reset", "error"), [("all", ValueError), (None, TypeError), (True, TypeError)])
def test_what_is_no_reset_is_refused(reset: Any, error: type[Exception]) -> None:
    """The error says what may be written."""
    with pytest.raises(error, match='say "rollback", "full", or give a function'):
        Resets(reset)


def test_a_function_is_called_in_either_world() -> None:
    """One that returns something to wait for is waited for in asyncio."""
    seen: list[str] = []

    async def later(session: str) -> None:
        seen.append(session)

    Resets(seen.append).call("threads")
    asyncio.run(Resets(later).call_async("a coroutine"))
    asyncio.run(Resets(seen.append).call_async("a function"))
    Resets("full").call("nobody")
    assert seen == ["threads", "a coroutine", "a function"]
