"""No interleaving of the threads of a pool breaks a promise: plans with one or two changes of thread are tried."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import pytest

from pingpool import PoolClosed, PoolTimeout
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from pingpool.threads import latch
from tests.threads.checks import Pool, all_live, bound, quick_collections
from tests.threads.interleaving import Act, Change, Pauses, Stage, StagedClock, plans

PLANS = int(os.environ.get("PINGPOOL_PLANS", "250"))

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Scene:
    """A pool that actors use, who see to it that nobody is lent what another one holds."""

    def __init__(self, size: int) -> None:
        self.clock = StagedClock()
        self.database = FaultyDatabase()
        self.pool: Pool = bound(self.database, size, self.clock)
        self.held: set[FakeSession] = set()

    def use(self, timeout: float) -> None:
        """Check a session out, and in."""
        session = self.pool.get(timeout)
        self._hold(session)
        self._let_go(session)
        self.pool.put(session)

    def use_twice(self, timeout: float) -> None:
        """Do that twice."""
        self.use(timeout)
        self.use(timeout)

    def use_or_time_out(self, timeout: float) -> None:
        """Check a session out, and in, if there is one in time."""
        try:
            self.use(timeout)
        except PoolTimeout:
            return

    def use_unless_closed(self, timeout: float) -> None:
        """Check a session out, and in, if the pool is open."""
        try:
            self.use(timeout)
        except PoolClosed:
            return

    def find_it_dead(self) -> None:
        """Use a session that dies meanwhile."""
        try:
            with self.pool.session(5) as session:
                self._hold(session)
                self._let_go(session)
                session.is_alive = False
                session.use()
        except SessionDied:
            return

    def _hold(self, session: FakeSession) -> None:
        assert session not in self.held, "a session was lent twice"
        self.held.add(session)

    def _let_go(self, session: FakeSession) -> None:
        self.held.remove(session)


def two_for_one(scene: Scene) -> list[Act]:
    """Two threads use one session, each twice."""
    return [partial(scene.use_twice, 5), partial(scene.use_twice, 5)]


def three_for_one(scene: Scene) -> list[Act]:
    """Three threads use one session."""
    return [partial(scene.use, 5)] * 3


def a_wait_that_ends(scene: Scene) -> list[Act]:
    """The time of one who waits runs out while another one gives his session back."""
    return [partial(scene.use, 5), partial(scene.use_or_time_out, 1), partial(scene.clock.advance, 1)]


def a_close(scene: Scene) -> list[Act]:
    """The pool is closed while two threads use it."""
    return [partial(scene.use_unless_closed, 5), partial(scene.pool.close, 0), partial(scene.use_unless_closed, 5)]


def a_death(scene: Scene) -> list[Act]:
    """A session dies in use while another thread uses the pool."""
    return [scene.find_it_dead, partial(scene.use_or_time_out, 0)]


Acts = Callable[[Scene], list[Act]]

ON_THE_FAST_WAYS: list[tuple[int, Acts]] = [
    (1, two_for_one),
    (2, two_for_one),
    (1, three_for_one),
    (1, a_wait_that_ends),
]

WITH_WORKERS: list[tuple[int, Acts]] = [(2, a_close), (2, a_death)]


def play_many(
    monkeypatch: pytest.MonkeyPatch, size: int, acts_of: Acts, *, changes: int, most: int | None = None
) -> int:
    """Play the scene by every plan with so many changes, or by `most` of them; return how many there were."""

    def play(plan: Sequence[Change]) -> int:
        scene = Scene(size)
        monkeypatch.setattr(latch, "time", Pauses(scene.clock))
        stage = Stage(plan)
        try:
            stage.play(acts_of(scene), scene.clock)
            if not scene.pool.closed:
                all_live(scene.pool)
        except BaseException as error:
            error.add_note(f"by the plan {plan}; the pool: {scene.pool}")
            raise
        finally:
            monkeypatch.undo()
            scene.pool.close(0)
        return stage.places

    with quick_collections():
        actors = len(acts_of(Scene(size)))
        return sum(1 for _ in islice(plans(actors, changes, play), most))


def by_name(value: object) -> str:
    """Name the test."""
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("size", "acts_of"), ON_THE_FAST_WAYS, ids=by_name)
def test_no_change_of_thread_breaks_a_promise(monkeypatch: pytest.MonkeyPatch, size: int, acts_of: Acts) -> None:
    """One change, at each place of the pool's code: nobody is lent what another one holds, and all slots are live."""
    assert play_many(monkeypatch, size, acts_of, changes=1) > 50


@pytest.mark.parametrize(("size", "acts_of"), WITH_WORKERS, ids=by_name)
def test_few_changes_of_thread_beside_workers(monkeypatch: pytest.MonkeyPatch, size: int, acts_of: Acts) -> None:
    """The same at fifty places, where workers end or check sessions meanwhile."""
    assert play_many(monkeypatch, size, acts_of, changes=1, most=50) == 50


def test_the_plans_find_what_a_broken_latch_lets_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everybody passes a latch that is held, some plan breaks a promise."""

    class Broken(dict[int, int]):
        def setdefault(self, key: int, turn: int, /) -> int:
            self[key] = turn
            return turn

        def __delitem__(self, key: int, /) -> None:
            self.pop(key, None)

    def broken(scene: Scene) -> list[Act]:
        scene.pool._desk.latch = Broken()  # pyright: ignore[reportPrivateUsage]
        return two_for_one(scene)

    with pytest.raises((AssertionError, LookupError, RuntimeError, TypeError, PoolTimeout)) as caught:
        play_many(monkeypatch, 1, broken, changes=2, most=2_000)
    assert any("by the plan" in note for note in caught.value.__notes__)


@pytest.mark.proof
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("size", "acts_of"), ON_THE_FAST_WAYS + WITH_WORKERS, ids=by_name)
def test_no_two_changes_of_thread_break_a_promise(monkeypatch: pytest.MonkeyPatch, size: int, acts_of: Acts) -> None:
    """Two changes, at any two places: in PINGPOOL_PLANS (a number) plans; 0 means all, which takes an hour."""
    assert play_many(monkeypatch, size, acts_of, changes=2, most=PLANS or None) >= PLANS
