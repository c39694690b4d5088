"""The beginning of a pool, in any world: its database, its first sessions, and those who wait for them.

Sessions are opened by the workers, as the ledger says. Here is only what somebody waits for, and what it means if that
does not come.
"""

import math
from typing import Any

from pingpool.core.orders import Round
from pingpool.core.slot import S
from pingpool.core.told import Opened
from pingpool.database import named
from pingpool.errors import BoundElsewhere, CannotFill, PoolClosed, PoolError, PoolTimeout
from pingpool.options import part_of, seconds
from pingpool.pool.diagnosis import NOT_FILLED
from pingpool.pool.hooks import refuse_what_cannot_work
from pingpool.pool.life import D, Life
from pingpool.text import in_one_line, in_seconds


class Beginning(Life[S, D]):
    """A pool that can be bound, and waited for."""

    async def _bind(self, database: Any, wait_for: int | None) -> None:
        """Associate the pool with a database and fill it; what was empty is empty and unbound again if that fails."""
        enough = math.inf if wait_for is None else part_of(self.size, "wait_for", wait_for)
        self._associate(database)
        was_filled = self._desk.ledger.filling
        try:
            await self._fill(enough)
            if not self._is_bound:
                self._note_opened()
            self._is_bound = True
        except Exception:
            if not (was_filled or self.closed):
                await self._clear()
            raise
        except BaseException:
            if not was_filled:  # the workers end what was created; who is cancelled or interrupted waits for nothing
                self._desk.tell(self._desk.ledger.clear, self._desk.round())
            raise

    def _note_opened(self) -> None:
        """Have the log told that the pool works now."""
        desk = self._desk
        desk.note(Opened(desk.now(), named(self._database), desk.look(desk.ledger.places.count_open)))

    def _associate(self, database: Any) -> None:
        """Have workers for the database, or say why not."""
        name = named(database)
        if not isinstance(database, self._kind):
            kind, hint = self._kind.__name__, self._hint_for(database)
            raise TypeError(f"a pool is bound to a pingpool.{kind}, not to {name}; {hint}")
        desk = self._come_in()
        if self.closed:
            raise PoolClosed(f"{self.name}: the pool is closed and cannot be bound")
        if self._database is None or self._database != database:
            if self._is_bound or desk.ledger.filling:
                bound = named(self._database)
                raise BoundElsewhere(f"{self.name} is bound to {bound}; make another pool for {name}")
            refuse_what_cannot_work(database)
            self._move_to(database)

    async def _fill(self, enough: float) -> None:
        """Have sessions opened; return when so many are open, or all that were tried, or say why there are fewer."""
        desk = self._desk
        round = self._begin_to_fill(enough)
        await desk.wait(round, math.inf)
        if self.closed:
            raise PoolClosed(f"{self.name}: the pool was closed while it was filled")
        if round.failure is not None:
            what = named(self._database)
            error = CannotFill(f"{self.name}: {what} opens no session: {in_one_line(round.failure)}")
            raise self._lending.caused(error, round.failure)
        if not desk.ledger.filling:
            raise CannotFill(f"{self.name}: it was cleared meanwhile, by clear() or by another bind() that failed")

    def _begin_to_fill(self, enough: float) -> Round:
        """Have sessions opened from now on, at once or on demand."""
        desk = self._desk
        round = desk.round()
        round.enough = enough
        if self._fills_on_demand():
            round.enough = 0 if enough == math.inf else enough
            desk.tell(desk.ledger.fill_on_demand, round)
        else:
            desk.tell(desk.ledger.fill, round)
        return round

    def _fills_on_demand(self) -> bool:
        """Are sessions opened only when somebody waits for them?"""
        return self._options.fill == "lazy"

    async def _rest(self) -> None:
        """Delete every session that is not lent; the next are opened on demand."""
        desk = self._come_in()
        round = desk.round()
        desk.tell(desk.ledger.clear, round)
        desk.tell(desk.ledger.fill_on_demand, desk.round())
        await desk.wait(round, math.inf)

    async def _wait(self, timeout: float | None, sessions: int | None) -> None:
        """Wait until so many sessions are open, in any hands."""
        desk = self._come_in()
        self._resume()
        timeout = self.default_timeout if timeout is None else seconds("timeout", timeout)
        start = desk.now()
        round = desk.round()
        round.enough = self.size if sessions is None else part_of(self.size, "sessions", sessions)
        try:
            desk.tell(desk.ledger.expect, round)
            await desk.wait(round, math.inf if timeout is None else start + timeout)
        finally:
            desk.tell(desk.ledger.forgo, round)
        if round.failure is not None:
            raise self._lending.explain(round.failure, desk.now() - start)
        if not round.is_over:
            raise self._too_few(round, desk.now() - start)

    def _too_few(self, round: Round, waited: float) -> PoolError:
        """Return the error for a caller who waited in vain, with the last failure."""
        desk = self._desk
        is_open = desk.look(desk.ledger.places.count_open)
        said = f"{is_open} sessions are open after {in_seconds(waited)}, not {round.enough} ({desk.snapshot()})"
        hint = "" if desk.ledger.filling else f"; {NOT_FILLED}"
        error = self._lending.caused(PoolTimeout(f"{desk.name}: {said}{hint}"), desk.ledger.failure)
        for note in self._lending.failures_in_words():
            error.add_note(note)
        return error
