"""Sessions that left their pool in the midst of a block."""

import pytest

from pingpool.pool.parted import MOST, Parted


class Session:
    """One that takes weak references."""


class Brick:
    """One that takes none."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [Session, Brick])
def test_who_has_left_is_asked_for_once(kind: type) -> None:
    """By its own block; another session did not leave."""
    parted, session = Parted(), kind()
    parted.note(session)
    assert not parted.take(kind())
    assert parted.take(session)
    assert not parted.take(session)


def test_who_comes_to_the_place_of_one_that_is_gone_is_not_taken_for_it() -> None:
    """A number is used again once its object is gone."""
    parted, session = Parted(), Session()
    parted.note(session)
    number = id(session)
    del session
    strangers = [Session() for _ in range(1000)]
    parted.update({id(stranger): parted[number] for stranger in strangers[:1]})  # as if the allocator had done so
    assert not any(parted.take(stranger) for stranger in strangers)


def test_who_is_gone_is_forgotten() -> None:
    """By the next that is asked for."""
    parted = Parted()
    brick = Brick()
    for session in (Session(), brick):
        parted.note(session)
    del session
    assert not parted.take(Session())
    assert list(parted) == [id(brick)]


def test_no_more_than_so_many_are_known() -> None:
    """Whoever detaches without a block, again and again, costs nothing."""
    parted = Parted()
    sessions = [Session() for _ in range(MOST + 1)]
    for session in sessions:
        parted.note(session)
    assert len(parted) == MOST
    assert not parted.take(sessions[0])
    assert parted.take(sessions[1])
