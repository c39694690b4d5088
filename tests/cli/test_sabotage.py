"""The parts of the demo that its verdict rests on: the witness, the ambush, and the counting of waits."""

import threading
from functools import partial

import pytest

from pingpool.cli.ambush import Ambush, Interrupted, Victim
from pingpool.cli.sql_accounts import SQLAccounts
from pingpool.cli.venue import Venue
from pingpool.cli.waits import NAMES, Waits, in_words
from pingpool.cli.witness import Fate, Witness
from pingpool.testing import FakeSession, FaultyDatabase

Ends = list[BaseException | str]


@pytest.fixture
def witness() -> Witness[FakeSession]:
    """A witness of a database without a server."""
    database = FaultyDatabase()
    return Witness(Venue(database, SQLAccounts, partial(database.delete, timeout=1)))


def opened(witness: Witness[FakeSession]) -> FakeSession:
    """Open a session, as a pool would."""
    return witness.create(labels={}, timeout=1)


def test_a_kill_after_the_checkout_is_a_death_in_use(witness: Witness[FakeSession]) -> None:
    """From the look of its checkout until its holder lets go, a session that is killed dies in use."""
    session = opened(witness)
    assert witness.looks_alive(session)
    assert not witness.kill_idle(session)
    assert witness.kill(session) is Fate.KILLED_IN_USE
    assert witness.fate_of(session) is Fate.KILLED_IN_USE


def test_a_kill_before_the_checkout_is_a_death_in_the_pool(witness: Witness[FakeSession]) -> None:
    """A session that nobody holds, or that its holder has let go of, dies idle, and only once."""
    session = opened(witness)
    witness.looks_alive(session)
    witness.let_go(session)
    assert witness.kill_idle(session)
    assert not witness.kill_idle(session)
    assert witness.kill(session) is Fate.KILLED_IDLE


class Observed(FaultyDatabase):
    """Asks, while it works on a session, whether anybody could end that in the midst."""

    is_guarded: bool | None = None
    witness: Witness[FakeSession]

    def configure(self, session: FakeSession, *, timeout: float) -> None:
        """Ask."""
        self.is_guarded = self.witness._of(session).lock.locked()


def test_nobody_ends_a_session_that_is_being_set_up() -> None:
    """To close a connection of SQLite while another thread is inside it would crash the process."""
    database = Observed()
    database.witness = Witness(Venue(database, SQLAccounts, partial(database.delete, timeout=1)))
    database.witness.configure(opened(database.witness), timeout=1)
    assert database.is_guarded


def test_the_witness_knows_who_is_open(witness: Witness[FakeSession]) -> None:
    """Sessions are known from their opening until the pool ends them, or their holder drops them."""
    first, second, third = opened(witness), opened(witness), opened(witness)
    witness.delete(second, timeout=1)
    assert set(witness.sessions()) == {first, third}
    del third
    assert witness.sessions() == [first]


def meet(ambush: Ambush[str], results: Ends) -> None:
    """Pass by, and note how that ended."""
    try:
        ambush.pass_by("session")
        results.append("went on")
    except Interrupted as interrupt:
        results.append(interrupt)


def caught(ambush: Ambush[str], results: Ends) -> tuple[Victim[str], threading.Thread]:
    """Let workers pass by until one is caught."""
    over = threading.Event()

    def walk() -> None:
        while not results and not over.is_set():
            outcome: Ends = []
            meet(ambush, outcome)
            if over.is_set():
                results.extend(outcome)

    worker = threading.Thread(target=walk)
    worker.start()
    victim = ambush.catch(timeout=10)
    over.set()
    assert victim is not None
    return victim, worker


def test_nobody_is_caught_where_nobody_passes() -> None:
    """An ambush that catches nobody in time gives up, and the next one to pass by goes free."""
    ambush = Ambush[str]()
    assert ambush.catch(timeout=0.01) is None
    results: Ends = []
    meet(ambush, results)
    assert results == ["went on"]


def test_a_victim_stands_still_until_it_may_go_on() -> None:
    """A worker that is caught stays where it is, with its session, until the saboteur lets it go."""
    results: Ends = []
    victim, worker = caught(Ambush[str](), results)
    assert victim.session == "session"
    assert (worker.is_alive(), results) == (True, [])
    victim.go_on()
    worker.join(10)
    assert results == ["went on"]


def test_an_interrupt_strikes_where_the_victim_stands() -> None:
    """The exception comes up at the very place in which the worker was caught."""
    results: Ends = []
    victim, worker = caught(Ambush[str](), results)
    victim.interrupt()
    victim.go_on()
    worker.join(10)
    assert [type(result) for result in results] == [Interrupted]


def test_one_worker_drops_a_session_for_each_request() -> None:
    """One request makes exactly one worker drop its session, and ends when it has."""
    ambush = Ambush[str]()
    dropping: list[bool] = []

    def walk() -> None:
        while not ambush.is_to_drop():
            pass
        dropping.append(ambush.is_to_drop())
        ambush.dropped()

    worker = threading.Thread(target=walk)
    worker.start()
    assert ambush.have_one_dropped(timeout=10)
    worker.join(10)
    assert dropping == [False]


def test_a_request_that_nobody_meets_is_withdrawn() -> None:
    """A request that no worker meets in time is withdrawn, and nobody drops a session because of it later."""
    ambush = Ambush[str]()
    assert not ambush.have_one_dropped(timeout=0.01)
    assert not ambush.is_to_drop()


def test_waits_are_counted_under_their_bar() -> None:
    """Each wait falls under the one bar whose bounds hold it, and a bound belongs to the bar above it."""
    waits = Waits()
    for seconds in (0.0, 0.0009, 0.001, 0.004, 0.5, 7.0):
        waits.note(seconds)
    counts = dict(zip(NAMES, waits.histogram(), strict=True))
    assert {name: count for name, count in counts.items() if count} == {
        "under 1 ms": 2,
        "1 to 2 ms": 1,
        "2 to 5 ms": 1,
        "over 500 ms": 2,
    }


def test_percentiles_are_waits_that_happened() -> None:
    """The median, the 99th percentile and the longest are taken from the waits themselves; of none they are 0."""
    waits = Waits()
    assert waits.percentiles(50, 99, 100) == [0.0, 0.0, 0.0]
    for hundredth in range(100):
        waits.note(hundredth / 100)
    assert waits.percentiles(50, 99, 100) == [0.5, 0.99, 0.99]
    assert (in_words(0.0141), in_words(2.5)) == ("14.1 ms", "2.5 s")
