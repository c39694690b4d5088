"""Random lives of one pool beside a simple model of it, in every world; hypothesis finds the shortest that goes wrong.

The model knows who holds what, which sessions are open, and between which two times each was proven last.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pingpool import PoolClosed
from pingpool.errors import AlreadyReturned, NotLent
from pingpool.testing import FakeSession, SessionDied
from tests.contract.conftest import PATIENCE
from tests.contract.world import World, adds_up, at_work, start
from tests.contract.worlds import WORLDS

T = TypeVar("T")

SIZE = 3
INTERVAL = 60.0

NEVER = -1.0


class Interrupt(BaseException):
    """Stands for Ctrl-C or a cancellation."""


class Proof(NamedTuple):
    """A session was proven last at a time between these two, both included."""

    earliest: float
    latest: float


class Life(RuleBasedStateMachine):
    """What callers, the database and time do to a pool."""

    def __init__(self, kind: type[World]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = kind()
        self.pool = self.run(self.world.open(size=SIZE, ping_interval=INTERVAL))
        self.database = self.world.database
        self.held: list[FakeSession] = []
        self.proofs: dict[FakeSession, Proof] = {}
        self.known_dead: set[FakeSession] = set()
        self.suspected_at = NEVER
        self.filled = True
        self.closed = False
        self.look(self.now)

    # How a step is taken.

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            async with asyncio.timeout(PATIENCE):
                return await step

        return self.runner.run(in_time())

    def act(self, step: Coroutine[Any, Any, T]) -> T:
        """Take a step, let the pool come to rest, and note what that may have proven."""
        began, pings, deaths = self.now, self.database.calls["ping"], self.deaths
        try:
            return self.run(step)
        finally:
            self.run(self.world.rest())
            if self.deaths != deaths:  # one death makes every session a suspect, also one created at that time
                self.known_dead |= {session for session in self.database.sessions if not session.is_alive}
                self.known_dead -= set(self.held)
                self.suspected_at = self.now
            if self.database.calls["ping"] != pings:
                self.proofs = {session: Proof(proof.earliest, self.now) for session, proof in self.proofs.items()}
            self.look(began)

    def look(self, began: float) -> None:
        """Note the sessions that are new since then, and forget those that were ended."""
        new = Proof(began, self.now)
        sessions = [session for session in self.database.sessions if not session.is_deleted]
        self.proofs = {session: self.proofs.get(session, new) for session in sessions}

    @property
    def now(self) -> float:
        return self.world.clock.now()

    @property
    def deaths(self) -> int:
        replaced = self.pool.stats().replaced
        return replaced.get("lost", 0) + replaced.get("gone", 0)

    @property
    def idle(self) -> list[FakeSession]:
        """The open sessions that nobody holds."""
        return [session for session in self.database.live if session not in self.held]

    @property
    def fresh(self) -> list[FakeSession]:
        """Those that are certainly neither overdue nor suspects."""
        since = max(self.now - INTERVAL, self.suspected_at)
        return [session for session in self.idle if self.proofs[session].earliest > since]

    def proven(self, session: FakeSession) -> None:
        if session in self.proofs:
            self.proofs[session] = Proof(self.now, self.now)

    async def patiently(self, step: Coroutine[Any, Any, T]) -> T:
        """Take a step that may have to wait: time passes while the pool has nothing to do but wait."""
        call, looks = start(step), 0
        while not call.done():
            await asyncio.sleep(0.0005)  # for the pool's real threads
            looks = 0 if at_work(self.pool.stats()) else looks + 1
            if looks > 20:
                self.world.clock.advance(0.25)
        return call.result()

    async def block(self, error: BaseException | None) -> FakeSession:
        """Use a session in a block that ends so."""
        async with self.pool.session(0) as session:
            assert session not in self.held
            if isinstance(error, SessionDied):
                self.database.kill(session)
                session.use()
            if error is not None:
                raise error
        return session

    # What may happen.

    @precondition(lambda self: self.filled and len(self.held) < SIZE)
    @rule()
    def get(self) -> None:
        """The session that was proven longest ago is lent, at once if one is fresh."""
        fresh, proofs = self.fresh, self.proofs
        session = self.act(self.pool.get(0) if fresh else self.patiently(self.pool.get(None)))
        assert session.is_alive or session not in self.known_dead, f"{session!r} was lent dead"
        assert session.is_alive or self.now - proofs[session].latest < INTERVAL, f"{session!r} was lent unproven"
        assert session not in self.held, f"{session!r} has two holders"
        if session in proofs:
            earlier = [each for each in fresh if proofs[each].latest < proofs[session].earliest]
            assert not earlier, f"{session!r} was lent before {earlier}"
        self.held.append(session)

    @precondition(lambda self: len(self.held) == SIZE and not self.closed)
    @rule()
    def get_one_too_many(self) -> None:
        """Who will not wait for what everybody else holds gets the error of a queue."""
        with pytest.raises(self.world.Empty):
            self.act(self.pool.get(0))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def put(self, data: st.DataObject) -> None:
        """What was lent is taken back, whatever happened meanwhile; a use that ended is a proof."""
        session = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        pings = self.database.calls["ping"]
        suspect = session in self.proofs and self.proofs[session].earliest <= self.suspected_at
        self.act(self.pool.put(session))
        if not suspect and pings == self.database.calls["ping"]:
            self.proven(session)

    @precondition(lambda self: self.idle)
    @rule(data=st.data())
    def put_twice(self, data: st.DataObject) -> None:
        """What the pool has already is refused."""
        session = data.draw(st.sampled_from(self.idle))
        with pytest.raises((AlreadyReturned, NotLent)):
            self.act(self.pool.put(session))

    @rule()
    def put_a_stranger(self) -> None:
        """What the pool never lent is refused."""
        with pytest.raises(NotLent):
            self.act(self.pool.put(FakeSession(99, {})))

    @precondition(lambda self: self.filled and self.fresh)
    @rule()
    def use_in_a_block(self) -> None:
        """A block that ends well gives its session back, proven."""
        self.proven(self.act(self.block(None)))

    @precondition(lambda self: self.filled and self.fresh)
    @rule(error=st.sampled_from([ValueError("no such table"), Interrupt()]))
    def fail_in_a_block(self, error: BaseException) -> None:
        """The caller gets the block's own error."""
        with pytest.raises(type(error)):
            self.act(self.block(error))

    @precondition(lambda self: self.filled and self.fresh)
    @rule()
    def lose_a_session_in_a_block(self) -> None:
        """A session that died in use is replaced, and its caller gets the error."""
        with pytest.raises(SessionDied):
            self.act(self.block(SessionDied()))

    @precondition(lambda self: self.database.live)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """The server closes a session, and nobody knows."""
        self.database.kill(data.draw(st.sampled_from(self.database.live)))

    @rule()
    def die_all(self) -> None:
        """The server restarts."""
        self.database.kill_all()

    @rule(seconds=st.sampled_from([1, 30, 59, 61, 300]))
    def let_time_pass(self, seconds: float) -> None:
        """Nothing happens by itself in a pool that is not kept alive."""
        self.act(self.world.advance(seconds, seconds))

    @rule()
    def ping(self) -> None:
        """Every session that is overdue is proven or replaced."""
        overdue = [session for session in self.idle if self.now - self.proofs[session].latest >= INTERVAL]
        began = self.now
        assert self.act(self.patiently(self.pool.ping())) >= len(overdue)
        for session in overdue:
            self.proofs[session] = Proof(began, self.now)

    @precondition(lambda self: not self.closed)
    @rule()
    def clear(self) -> None:
        """Every idle session is ended, and none is created until the pool is bound again."""
        idle = self.idle
        self.act(self.patiently(self.pool.clear()))
        assert all(session.is_deleted for session in idle)
        self.filled = False
        if not self.held:
            with pytest.raises(self.world.Empty):
                self.act(self.pool.get(0))

    @precondition(lambda self: not self.closed)
    @rule()
    def bind_again(self) -> None:
        """The pool is filled, and no fuller than full."""
        self.act(self.patiently(self.pool.bind(self.database)))
        self.filled = True
        stats = self.pool.stats()
        assert (stats.in_use, stats.idle) == (len(self.held), SIZE - len(self.held))

    @rule(really=st.sampled_from([False] * 9 + [True]))
    def close(self, really: bool) -> None:
        """A closed pool ends what is idle and lends nothing, for ever."""
        if really:
            self.act(self.patiently(self.pool.close()))
            self.filled, self.closed = False, True
            assert not self.idle
            with pytest.raises(PoolClosed):
                self.run(self.pool.get(0))

    # What always holds.

    @invariant()
    def every_slot_is_in_one_place(self) -> None:
        """No slot is lost, and as many are in use as sessions are held."""
        stats = self.pool.stats()
        assert adds_up(stats), stats
        assert stats.in_use == len(self.held), stats

    @invariant()
    def the_server_has_no_session_that_the_pool_forgot(self) -> None:
        """What is open is held or idle, and there is never more of it than slots."""
        assert len(self.database.live) <= SIZE
        assert len(self.idle) <= self.pool.stats().idle

    def teardown(self) -> None:
        """After a good life, and whatever was lost in it, all slots are live."""
        try:
            if self.filled:
                self.let_time_pass(INTERVAL)
                self.run(self.patiently(self.pool.ping()))
                self.run(self.world.heal(self.pool))
        finally:
            self.run(self.world.__aexit__(None, None, None))
            self.runner.close()


SAME_IN_EACH_RUN = settings(deadline=None, derandomize=True, database=None)


def live(kind: type[World], lives: int, steps: int) -> None:
    """Live through so many lives of so many steps."""
    how = settings(SAME_IN_EACH_RUN, max_examples=lives, stateful_step_count=steps)
    run_state_machine_as_test(lambda: Life(kind), settings=how)  # type: ignore[no-untyped-call]  # hypothesis has no types here


@pytest.mark.parametrize("kind", WORLDS)
def test_a_pool_lives_as_its_model_says(kind: type[World]) -> None:
    """In short random lives nobody shares a session, no slot is lost, and the oldest proof is lent first."""
    live(kind, 20, 30)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", WORLDS)
def test_a_pool_lives_long_as_its_model_says(kind: type[World]) -> None:
    """So it is in many long ones."""
    live(kind, 100, 50)


def test_the_model_finds_a_session_that_is_lent_out_of_turn() -> None:
    """The model is a test of the pool only if it can fail."""
    life = Life(WORLDS[0])
    try:
        for _ in range(SIZE):
            life.get()
        for session in life.held.copy():
            life.let_time_pass(1)
            life.held.remove(session)
            life.act(life.pool.put(session))
            life.proven(session)
        oldest = min(life.proofs, key=life.proofs.__getitem__)
        life.proofs[oldest] = Proof(life.now, life.now)
        with pytest.raises(AssertionError, match="was lent before"):
            life.get()
    finally:
        life.teardown()
