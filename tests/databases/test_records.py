"""What is noted of sessions."""

import weakref
from functools import partial
from types import BuiltinMethodType

import pytest

from pingpool.databases.common.records import Records


class Session:
    """One that says it is equal to every other."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


def test_a_note_is_of_one_session_however_equal_others_are() -> None:
    """A driver's own `==` has no say in whose note it is."""
    records: Records[str] = Records()
    one, other = Session(), Session()
    records.note(one, "one's")
    assert records.of(one) == "one's"
    assert records.of(other) is None


def test_a_note_is_gone_with_its_session() -> None:
    """The newer note is of the same session; nothing stays for whoever comes to the same place in memory."""
    records: Records[str] = Records()
    session = Session()
    records.note(session, "old")
    records.note(session, "new")
    assert records.of(session) == "new"
    del session
    assert len(records) == 0


def test_what_forgets_is_no_place_for_an_interrupt() -> None:
    """Python would swallow one that strikes a function of ours there: what forgets is written in C."""
    records: Records[str] = Records()
    session = Session()
    records.note(session, "its")
    forgets = [each.__callback__ for each in weakref.getweakrefs(session)]
    assert [type(each.func) for each in forgets if isinstance(each, partial)] == [BuiltinMethodType] * 2


def test_a_note_of_what_takes_no_weak_reference_may_stay_until_it_is_dropped() -> None:
    """Whoever notes it so sees to that."""
    records: Records[str] = Records()
    session = Session()
    records.note_until_dropped(7, "seven's")
    records.note_until_dropped(session, "the session's")
    assert (records.of(7), records.of(session)) == ("seven's", "the session's")
    records.drop(7)
    del session
    assert len(records) == 0


def test_what_takes_no_weak_reference_is_refused() -> None:
    """Nobody would know when it is gone."""
    records: Records[str] = Records()
    with pytest.raises(TypeError):
        records.note(7, "seven's")
    assert records.of(7) is None
