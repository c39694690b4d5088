"""Pictures of a pool for errors: new where that takes no time, and one for many where it does."""

import math

import pytest

from pingpool import PingingPool, PoolTimeout
from pingpool.pool.diagnosis import Picture
from pingpool.pool.pictures import KEPT, LONG, LONGEST, Pictures
from pingpool.testing import Clock, FakeSession, FaultyDatabase, equip
from tests.pool.test_diagnosis import picture


class Camera:
    """Takes pictures of nothing, each in so many seconds of its clock."""

    def __init__(self, takes: float) -> None:
        """Take none yet."""
        self.clock = Clock(0)
        self.takes = takes
        self.taken: list[Picture] = []

    def take(self) -> Picture:
        """Take one."""
        self.clock.advance(self.takes)
        self.taken.append(picture())
        return self.taken[-1]


def test_what_takes_no_time_is_taken_each_time() -> None:
    """A small pool's picture is never an old one."""
    camera = Camera(LONG / 2)
    pictures = Pictures(camera.clock.now)
    assert [pictures.latest(camera.take) for _ in range(3)] == camera.taken
    assert len(camera.taken) == 3


def test_what_takes_long_does_for_those_who_come_soon() -> None:
    """It is shown for ten times as long, so nine tenths of the time are left for work; then it is taken anew."""
    camera = Camera(0.02)
    pictures = Pictures(camera.clock.now)
    first = pictures.latest(camera.take)
    camera.clock.advance(KEPT * 0.02 - 0.01)
    assert pictures.latest(camera.take) is first
    camera.clock.advance(0.02)
    assert pictures.latest(camera.take) is not first
    assert len(camera.taken) == 2


def test_a_process_that_stood_still_shows_no_old_picture() -> None:
    """A laptop that slept while one was taken would tell of that evening for days."""
    camera = Camera(3600)
    pictures = Pictures(camera.clock.now)
    first = pictures.latest(camera.take)
    camera.clock.advance(LONGEST / 2)
    assert pictures.latest(camera.take) is first
    camera.clock.advance(LONGEST)
    assert pictures.latest(camera.take) is not first


def test_callers_who_are_turned_away_together_share_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a picture takes long a second error may tell the figures of the first; a later one tells its own."""
    clock = Clock()
    monkeypatch.setattr(Picture, "develop", lambda picture: clock.advance(1))
    with equip(PingingPool[FakeSession](1, ping_interval=math.inf), clock=clock) as pool:
        pool.bind(FaultyDatabase())
        with pool.session():
            said = [refusal(pool), refusal(pool)]
            clock.advance(LONGEST)
            said.append(refusal(pool))
    assert ["1, 0.0 s" in each for each in said] == [True, True, False]
    assert "1, 2.0 s" in said[2]


def refusal(pool: PingingPool[FakeSession]) -> str:
    """Return the text of the error of a caller who is turned away."""
    with pytest.raises(PoolTimeout) as caught:
        pool.get(0)
    return str(caught.value)
