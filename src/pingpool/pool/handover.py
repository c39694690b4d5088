"""Nothing of one holder reaches the next: when a session is asked what was left in it, and what follows.

| the session …           | asked before                 | then             | asked after                              |
|-------------------------|------------------------------|------------------|------------------------------------------|
| was used, and well      | at check-in, in passing      | reset            | still True: it is ended, as "left open"  |
| was used, with an error | True or None: reset          | unlocked, pinged | True: reset, asked again; still: ended   |
| was idle, and is due    |                              | pinged           | the same                                 |
| is new                  | True or None: reset          |                  | still True: no session, creation failed  |

A reset before a ping, since a reset may have made no round trip, and so proves nothing. Asked after each call, since
the call took time: what the last holder had sent on its way may only now have come to its end. Unlocked after an error
only: whoever ended well may have meant to keep a lock, but keep-alive would hold a forgotten one for ever.
"""

from typing import Generic

from pingpool.core.slot import S
from pingpool.database import AsyncDatabase, Meaning
from pingpool.errors import BadSession, BeyondReset, LooksDead
from pingpool.pool.bugs import Bugs, is_bug
from pingpool.pool.outcome import AnyDatabase, meaning_of, overrides
from pingpool.pool.world import Desk

FATAL = (Meaning.LOST, Meaning.MISPLACED)
"""What an error of a reset means that is about the session's end, and not about what was left in it."""


class Handover(Generic[S]):
    """Proves, resets and prepares the sessions of one database, and asks around each call what is still open."""

    def __init__(
        self, desk: Desk[S], database: AnyDatabase, calls: AsyncDatabase[S], bugs: Bugs, *, timeout: float
    ) -> None:
        """`database` is asked in passing; `calls` are its calls, as coroutines. `timeout` is seconds, of each call."""
        self._desk = desk
        self._database = database
        self._calls = calls
        self._bugs = bugs
        self._timeout = timeout
        self._can_tell = overrides(database, "needs_reset")
        self._looks = overrides(database, "looks_alive")

    async def prove(self, session: S, *, after_error: bool, quickly: bool) -> None:
        """Have the session proven alive, with nothing left in it; `quickly` need not prolong its life."""
        if after_error:
            if self._left_open(session) is not False:
                await self.reset(session)
            await self._calls.unlock(session, timeout=self._timeout)
        await (self._calls.check if quickly else self._calls.ping)(session, timeout=self._timeout)
        if self._left_open(session):
            await self.reset(session)
        if self._looks_dead(session):
            raise LooksDead("it answers, but looks dead: who gets it next would refuse it")

    async def reset(self, session: S) -> None:
        """Undo what was left in the session.

        Raises:
            BeyondReset: that did not help.
        """
        try:
            await self._calls.reset(session, timeout=self._timeout)
        except BeyondReset:
            raise
        except Exception as error:
            if is_bug(error):
                self._bugs.tell("reset", error)
            elif meaning_of(error, self._database, self._bugs) in FATAL:
                raise
            raise BeyondReset("in doubt", f"the session could not be reset: {error}") from error
        if self._left_open(session):
            raise BeyondReset("left open", "needs_reset says yes after a reset, too")
        self._desk.tell(self._desk.ledger.places.tally.note_reset)

    async def prepare(self, session: S) -> Exception | None:
        """Undo what opening a session may have left open; return why it cannot be used, if it cannot."""
        try:
            if self._left_open(session) is not False:
                await self.reset(session)
        except BeyondReset as error:
            if error.reason != "left open":
                return error
            return BadSession("needs_reset says yes of a new session, and after its reset; where it cannot tell: None")
        except Exception as error:
            return error
        return None

    def _looks_dead(self, session: S) -> bool:
        """Take the look that whoever gets the session will take; no look, or a broken one, finds nothing."""
        try:
            return self._looks and not self._database.looks_alive(session)
        except BaseException as error:
            self._bugs.tell("looks_alive", error)
            return False

    def _left_open(self, session: S) -> bool | None:
        """Ask whether anything was left open; None if that cannot be told, or the question is broken."""
        if not self._can_tell:
            return False
        try:
            answer = self._database.needs_reset(session)
            return None if answer is None else bool(answer)
        except BaseException as error:  # whatever it is, it is the answer to one question
            self._bugs.tell("needs_reset", error)
            return None
