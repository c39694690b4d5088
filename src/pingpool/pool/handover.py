"""Nothing of one holder reaches the next: when a session is asked what was left in it, and what follows.

| the session …           | asked before                 | then             | asked after                              |
|-------------------------|------------------------------|------------------|------------------------------------------|
| was used, and well      | at check-in, in passing      | reset            | still True: it is ended, as "left open"  |
| was used, with an error | True or None: reset          | unlocked, pinged | True: reset, asked again; still: ended   |
| … that is FOREIGN       | True or None: reset          | unlocked         | the same                                 |
| was idle, and is due    |                              | pinged           | the same                                 |
| is new, and configured  | True or None: reset          |                  | still True: no session, creation failed  |

Configured again is what a reset has made as new, by its own word: what is set so is there for each holder.

A reset before a ping, since a reset may have made no round trip, and so proves nothing. Asked after each call, since
the call took time: what the last holder had sent on its way may only now have come to its end. Unlocked after an error
only: whoever ended well may have meant to keep a lock, but keep-alive would hold a forgotten one for ever. That holds
for an error of the application, too. Otherwise a use that ends in such an error is treated like one that ends well:
where the database has no `unlock`, it is only asked whether anything was left open.
"""

from typing import Generic, NamedTuple

from pingpool.core.slot import RESETTING, S
from pingpool.core.uses import Use
from pingpool.database import AsyncDatabase
from pingpool.errors import BadSession, BeyondReset, LooksDead
from pingpool.pool.bugs import Bugs, is_bug
from pingpool.pool.hooks import AnyDatabase, overrides
from pingpool.pool.outcome import FAILED, meaning_of
from pingpool.pool.world import Desk
from pingpool.text import in_one_line

FATAL = FAILED[RESETTING].keys()
"""What an error of a reset means that is about the session's end, and not about what was left in it."""


NEVER_CLEAN = "needs_reset says yes of a new session, and after its reset; where it cannot tell: None"


class Flaw(NamedTuple):
    """Why a new session cannot be used: the hook that failed, and its error."""

    hook: str
    error: BaseException


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
            await self._unlock(session)
        await (self._calls.check if quickly else self._calls.ping)(session, timeout=self._timeout)
        if self._left_open(session):
            await self.reset(session)
        if self._looks_dead(session):
            raise LooksDead("it answers, but looks dead: who gets it next would refuse it")

    async def free(self, session: S) -> None:
        """Have nothing left in a session whose use ended in an error that says nothing against it."""
        await self._unlock(session)
        if self._left_open(session):
            await self.reset(session)

    async def _unlock(self, session: S) -> None:
        """Undo what was left in a session, and let go of the locks that outlive that."""
        if self._left_open(session) is not False:
            await self.reset(session)
        await self._calls.unlock(session, timeout=self._timeout)

    async def reset_after(self, left_by: Use | None, session: S) -> None:
        """Undo what was left in the session, and note whose transaction that was, if it had changed anything.

        Raises as `reset`.
        """
        try:
            await self.reset(session)
        finally:
            if left_by is not None and self._had_written(session):
                self._desk.tell(self._desk.ledger.places.note_rollback, left_by)

    def _had_written(self, session: S) -> bool:
        """Ask whether the transaction that was rolled back had changed anything; if that is not known, suppose it."""
        try:
            return bool(self._database.had_written(session))
        except BaseException as error:
            self._bugs.tell("had_written", error)
            return True

    async def reset(self, session: S) -> None:
        """Undo what was left in the session.

        Raises:
            BeyondReset: that did not help.
        """
        hook = "reset"
        try:
            if await self._calls.reset(session, timeout=self._timeout) is True:
                hook = "configure"
                await self._calls.configure(session, timeout=self._timeout)
        except BeyondReset:
            raise
        except Exception as error:
            if is_bug(error):
                self._bugs.tell(hook, error)
            elif meaning_of(error, self._database, self._bugs) in FATAL:
                raise
            raise BeyondReset("in doubt", f"the session could not be reset: {in_one_line(error)}") from error
        if self._left_open(session):
            raise BeyondReset("left open", "needs_reset says yes after a reset, too")
        self._desk.note_reset()

    async def prepare(self, session: S) -> Flaw | None:
        """Configure a new session, and undo what that, or opening it, left open; return why it cannot be used."""
        try:
            await self._calls.configure(session, timeout=self._timeout)
        except Exception as error:
            return Flaw("configure", error)
        try:
            if self._left_open(session) is not False:
                await self.reset(session)
        except Exception as error:
            if isinstance(error, BeyondReset) and error.reason == "left open":
                error = BadSession(NEVER_CLEAN)
            return Flaw("reset", error)
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
