"""How a session goes out and comes back, in any world: who is asked, in which order, and what each answer means.

The body is written once, as coroutines. asyncio awaits them. Threads run them to their end by `at_once`: what would
suspend there blocks instead. Only the fast ways of `get` and `put` are written out in each world.

A caller suspends in line, in `_wait`; whoever is cancelled or interrupted there leaves by `abandon`, which passes on a
session that had reached him. `check` also waits for its proof; meanwhile the session belongs to the workers. Coming
back never suspends, so nothing can come in between.
"""

import math
from functools import partial
from typing import Generic, TypeVar, cast

from pingpool.core.orders import Verdict, Waiter
from pingpool.core.slot import S
from pingpool.core.stats import snapshot
from pingpool.core.told import Lent, Returned, TimedOut, TurnedAway
from pingpool.core.uses import NOBODY, Use
from pingpool.database import Meaning
from pingpool.errors import DatabaseRefuses, PoolClosed, PoolDeadlock, PoolError, PoolTimeout, TooManyWaiters
from pingpool.pool.beside import Beside
from pingpool.pool.blocks import blocks_around
from pingpool.pool.bugs import Bugs, is_of_a_signal
from pingpool.pool.diagnosis import Picture, deadlock, no_session_within, notes
from pingpool.pool.holders import Holder, holders_of
from pingpool.pool.hooks import AnyDatabase, overrides
from pingpool.pool.outcome import as_meaning
from pingpool.pool.parted import Parted
from pingpool.pool.pictures import Pictures
from pingpool.pool.watching import Watching
from pingpool.pool.world import Desk, Event
from pingpool.text import in_one_line

R = TypeVar("R")


class Lending(Generic[S]):
    """Lends the sessions of one desk, all opened by one database; none while the pool is not bound."""

    def __init__(self, desk: Desk[S], database: AnyDatabase | None, default_timeout: float | None) -> None:
        """`default_timeout` is seconds; None waits for ever.

        `sees_out` and `sees_in` say whether anything is to be asked, or told, of each session that goes, or comes.
        """
        self._desk = desk
        self._database = database
        self._default_timeout = default_timeout
        self._lent = desk.ledger.lent
        self._look = database.looks_alive if database is not None and overrides(database, "looks_alive") else None
        self._needs_reset = (
            database.needs_reset if database is not None and overrides(database, "needs_reset") else None
        )
        self._may_hold_locks = database is not None and overrides(database, "unlock")
        self._is_observed = desk.telling.is_observed
        self.sees_out = self._look is not None or self._is_observed
        self.sees_in = self._needs_reset is not None or self._is_observed
        self.parted = Parted()
        self._pictures = Pictures(lambda: desk.now())  # that of asyncio is exchanged once there is a loop
        self._bugs = Bugs(desk)
        self._watching: Watching[S] = Watching(desk, database, self._bugs)
        observer = desk.telling.beside_callers
        self._beside = None if observer is None else Beside(desk.name, observer, self._bugs)

    # Out.

    async def get_in_line(self, dead: S | None, timeout: float | None, asked: Use) -> S:
        """Wait for a session that looks alive, after one that did not, if there was one."""
        start = self._desk.now()
        timeout = self._default_timeout if timeout is None else timeout
        until = math.inf if timeout is None else start + timeout
        try:
            return await self._next_alive(dead, start, until, asked)
        except BaseException as error:
            if self._beside is not None:
                self._beside.not_acquired(error, self._desk.now() - start)
            raise

    async def _next_alive(self, dead: S | None, start: float, until: float, asked: Use) -> S:
        """Stand in line, again and again, until a session comes out that looks alive."""
        while True:
            if dead is not None:
                self.take_back(dead, Verdict.GONE)
            session = await self._wait(self._desk.waiter(asked), start, until)
            try:
                if self.see_out(session, self._desk.now() - start):
                    return session
            except BaseException:
                self.reclaim(session, asked.holder)
                raise
            dead = session

    async def _wait(self, waiter: Waiter, start: float, until: float) -> S:
        """Stand in line for a session."""
        desk = self._desk
        waiter.until = until
        try:
            if until > start:
                waiter.blocks = blocks_around(desk.look(desk.ledger.places.uses_in_blocks))
            desk.tell(desk.ledger.ask, waiter)
            await desk.wait(waiter, until)
            session: S | None = waiter.session
            if session is None:
                raise self.explain(waiter.error, desk.now() - start, waiter)
            return session
        except BaseException:
            desk.tell(desk.ledger.abandon, waiter)
            raise

    def _uses(self) -> list[Use]:
        """Return who holds the sessions that are lent."""
        return self._desk.look(self._desk.ledger.places.uses)

    def holders(self) -> list[Holder]:
        """Return the places that hold sessions."""
        desk = self._desk
        uses = self._uses()
        return holders_of(uses, desk.names({use.holder for use in uses}), desk.now())

    def explain(self, reason: BaseException | None, waited: float, *leaving: Waiter) -> PoolError:
        """Return the error for a caller who got no session, with all that a support engineer would ask for."""
        desk = self._desk
        if isinstance(reason, TooManyWaiters):
            desk.note(TurnedAway(desk.now()))
        if isinstance(reason, PoolClosed | TooManyWaiters):
            return desk.native(type(reason)(f"{desk.name}: {reason}"))
        take = partial(desk.look, partial(self._picture, *leaving))
        if isinstance(reason, PoolDeadlock):
            return desk.native(PoolDeadlock(f"{desk.name}: {deadlock(take())}"))
        picture = self._pictures.latest(take)
        if reason is not None:
            what = f"the database refuses to open sessions: {in_one_line(reason)}"
            error = self.caused(DatabaseRefuses(f"{desk.name}: {what}"), reason)
        else:
            reason = desk.ledger.failure
            said = no_session_within(waited, picture)
            desk.note(TimedOut(desk.now(), waited, said, picture.is_exhausted))
            error = self.caused(PoolTimeout(f"{desk.name}: {said}"), reason)
        for note in notes(picture):
            error.add_note(note)
        return error

    def caused(self, error: PoolError, cause: BaseException | None) -> PoolError:
        """Return an error with its cause, as callers in this world, and of this driver, catch it."""
        error = self._desk.native(error)
        if cause is not None and self._database is not None:
            try:
                error = self._database.for_callers(error, cause)
            except Exception as further:
                self._bugs.tell("for_callers", further)
        error.__cause__ = cause
        return error

    def failures_in_words(self) -> list[str]:
        """Say what failed lately, and how long ago."""
        return notes(self._desk.look(self._picture))

    async def check(self, timeout: float, asked: Use) -> float:
        """Have a session proven by the workers that nobody else is lent meanwhile; return the seconds that it took."""
        desk = self._desk
        start = desk.now()
        until = start + timeout
        waiter = desk.waiter(asked)
        while True:
            session = await self._wait(waiter, start, until)
            try:
                round = desk.round()
                desk.tell(desk.ledger.prove, session, round)
            except BaseException:
                self.reclaim(session, asked.holder)
                raise
            del session
            await desk.wait(round, until)
            if round.proved:
                return desk.now() - start
            if desk.now() >= until:
                raise self.explain(None, desk.now() - start, waiter)
            waiter = desk.waiter(asked)

    def _picture(self, *leaving: Waiter) -> Picture:
        """Return all that an error may tell; whoever is leaving counts as waiting still."""
        desk = self._desk
        ledger, now = desk.ledger, desk.now()
        callers = {*ledger.waiters, *leaving}
        return Picture(
            now,
            snapshot(ledger),
            ledger.places.uses(),
            waiting=[each.use_from(each.since) for each in callers],
            nested=len({use for each in callers for use in each.blocks}),
            failures=list(ledger.reports.recent),
            is_filling=ledger.filling,
        )

    def see_out(self, session: S, waited: float = 0.0) -> bool:
        """Look at a session that is about to be lent; if it looks alive, whoever observes is told that it is lent.

        Without a look, or with a broken one, it may be alive.
        """
        look = self._look
        try:
            is_alive = look is None or bool(look(session))
        except BaseException as error:
            is_alive = self._without_answer("looks_alive", error, session, True)
        if self._is_observed and is_alive:
            self._desk.note(Lent(self._desk.now(), waited))
            if self._beside is not None:
                self._beside.acquired(session, waited)
        return is_alive

    # Back.

    def see_in(self, session: S) -> Verdict | None:
        """Ask what was left open in a session whose use ended well; None if it may simply come back."""
        if self._was_left_open(session):
            return Verdict.UNCOMMITTED if self._is_in_transaction(session) else Verdict.LEFT_OPEN
        if self._is_observed:
            self._note_return(session, Verdict.WELL)
        return None

    def judge(self, session: S, error: BaseException) -> Verdict | None:
        """Return what the error that ended its use says of a session; None if it may simply be put.

        | the use ended with                                | the session                                            |
        |---------------------------------------------------|--------------------------------------------------------|
        | a generator's end                                 | may be put                                             |
        | an error that means it is lost, and it looks dead | is lost                                                |
        | an error that means it is on the wrong node       | is lost, however it looks                              |
        | an error that is not the database's (FOREIGN),    | may be put; where the database has an `unlock`, locks  |
        | and it looks alive                                | are let go before it is lent again                     |
        | another error                                     | is unproven                                            |
        | an interrupt or a cancel                          | is unproven if the database vouches for it, or tainted |
        """
        if isinstance(error, GeneratorExit) or self._database is None:
            return None
        if not isinstance(error, Exception):
            return Verdict.UNPROVEN if self._survived(self._database, session) else Verdict.TAINTED
        meaning = self._meaning_of(self._database, error, session)
        if meaning is Meaning.MISPLACED or (meaning is Meaning.LOST and not self._is_seen_alive(session)):
            return Verdict.LOST
        if meaning is Meaning.FOREIGN and (self._look is None or self._is_seen_alive(session)):
            if self._may_hold_locks:
                return Verdict.MAY_HOLD_LOCKS
            return Verdict.LEFT_OPEN if self._was_left_open(session) else None  # after an error that is as it should be
        return Verdict.UNPROVEN

    def take_back(self, session: S, verdict: Verdict) -> None:
        """Check a session in that does not simply come back well."""
        if verdict is not Verdict.GONE:  # that one has reached nobody
            self._note_return(session, verdict)
        self._check_in(self._desk.ledger.take_back, session, verdict)
        if verdict is Verdict.GONE:
            self._desk.wake_keeper()  # that may tell something of the others

    def reclaim(self, session: S | None, holder: int) -> None:
        """Take a session back from a caller who was interrupted while it went out or came back, if he has it still.

        Otherwise the pool would miss it only when he drops it, and one without weak references perhaps never.
        """
        slot = self._lent.get(id(session))
        if slot is not None and self.is_lent(session) and slot.use.holder in (holder, NOBODY):
            self.take_back(cast("S", session), Verdict.TAINTED)

    def discard(self, session: S) -> None:
        """Check a session in that is to be ended and replaced, with no word on the others."""
        self.take_back(session, Verdict.DISCARDED)
        self.parted.note(session)

    def detach(self, session: S) -> None:
        """Let a session go: it is its holder's own from now on."""
        self._check_in(self._desk.ledger.detach, session)
        self._watching.forget(session)
        self.parted.note(session)
        if self._database is None:
            return
        try:
            self._database.let_go(session)
        except Exception as error:
            self._bugs.tell("let_go", error)

    def has_parted(self, session: S) -> bool:
        """Was this session discarded or detached by the block that it was lent to? That is asked once, by its end."""
        return not self.is_lent(session) and self.parted.take(session)

    def _note_return(self, session: S, verdict: Verdict) -> None:
        """Have whoever observes told that a session comes back: while nobody else can have it, so in order."""
        desk = self._desk
        if self._is_observed and (slot := desk.ledger.places.lent.slot_of(session)) is not None:
            now = desk.now()
            desk.note(Returned(now, now - slot.use.since, verdict.value))

    def put_later(self, session: S) -> None:
        """Check a session in from a signal handler that interrupted the pool's own turn: as soon as that is over."""
        self._check_in(self._desk.ledger.check_in, session)

    def adopt(self, session: S, dead: S | None) -> None:
        """Take in a session made elsewhere, in place of a lent one that died or in a vacant slot."""
        self._desk.tell(self._desk.ledger.adopt, session, dead)

    def swap(self, session: S) -> None:
        """Take in a session made elsewhere, if need be in place of one that is not lent."""
        self._desk.tell(self._desk.ledger.swap, session)

    @property
    def size(self) -> int:
        """How many sessions can be lent at a time."""
        return self._desk.ledger.size

    @property
    def is_filling(self) -> bool:
        """Is every vacant slot being filled?"""
        return self._desk.ledger.filling

    def knows(self, session: S) -> bool:
        """Is this very object in the pool, lent or not?"""
        return self._desk.look(partial(self._desk.ledger.knows, session))

    def is_lent(self, session: object) -> bool:
        """Is this very object lent by this pool?"""
        return self._desk.ledger.is_lent(session)

    def _check_in(self, event: Event, session: S, *facts: object) -> None:
        """Check a session in, or say at once that it cannot be: the turn itself may have to wait for another one."""
        desk = self._desk
        rejection = desk.look(partial(desk.ledger.rejection, session))
        if rejection is not None:
            try:
                raise desk.native(rejection)
            finally:
                del rejection  # an error that its own frames hold would keep the session alive, too
        desk.tell(event, session, *facts)

    # Questions to the database, in passing.

    def _is_seen_alive(self, session: S) -> bool:
        """Can the database look, and does it see the session alive?"""
        try:
            return self._look is not None and bool(self._look(session))
        except BaseException as error:
            return self._without_answer("looks_alive", error, session, False)

    def _was_left_open(self, session: S) -> bool:
        """Ask about a session that may be put, and suppose it of one that cannot tell.

        What was not lent is refused later, so there is nothing to ask.
        """
        ask = self._needs_reset
        if ask is None or id(session) not in self._lent:
            return False
        try:
            answer = ask(session)
            return answer is not False and (answer is None or bool(answer))
        except BaseException as error:
            return self._without_answer("needs_reset", error, session, True)

    def _is_in_transaction(self, session: S) -> bool:
        """Ask whether what was left open is a transaction."""
        try:
            return self._database is not None and bool(self._database.in_transaction(session))
        except BaseException as error:
            return self._without_answer("in_transaction", error, session, False)

    def _survived(self, database: AnyDatabase, session: S) -> bool:
        """Ask about a session whose holder was interrupted in the middle of a call."""
        try:
            return bool(database.survived_interrupt(session))
        except BaseException as error:
            return self._without_answer("survived_interrupt", error, session, False)

    def _meaning_of(self, database: AnyDatabase, error: Exception, session: S) -> Meaning:
        """Ask what the error means that ended the use of a session."""
        try:
            return as_meaning(database.meaning_of(error))
        except BaseException as further:
            return self._without_answer("meaning_of", further, session, Meaning.UNKNOWN)

    def _without_answer(self, hook: str, error: BaseException, session: S, careful: R) -> R:
        """Return the careful answer for a hook that raised, since it is broken; unless somebody else raised in it.

        An interrupt, or the time limit of a signal handler, goes on to the caller, and costs the session: nobody can
        vouch for it now.
        """
        if not isinstance(error, Exception) or is_of_a_signal(error):
            self.take_back(session, Verdict.TAINTED)
            raise error
        self._bugs.tell(hook, error)
        return careful
