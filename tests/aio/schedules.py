"""Random schedules on virtual time: real pools in a real, deterministic loop; database and users are made up.

The loop jumps to the next timer, so a sleep here is told time and takes none.

A seed is a schedule: it draws a pool, callers who come, wait, use, fail, drop and are cancelled at any await, a
database that is slow, fails, hangs and does not always listen to a cancel, and somebody who pings, clears and fills
again. Then everybody goes home, the database is well, and every slot must be live; on the server there must be no
session more.
"""

import asyncio
import gc
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pingpool.aio.pool import AsyncPingingPool
from pingpool.core.stats import Stats
from pingpool.database import AsyncDatabase, Meaning
from pingpool.errors import CannotFill, PoolError
from pingpool.testing import equip
from pingpool.testing.loop import run as run_virtual
from tests.core.model import Broken, CheckedSlot

SHORT = 0.3
"""Seconds: about as long as things take here."""


class Died(Exception):
    """The session was dead when it was used."""


class Complaint(Exception):
    """The database could not do it this time."""


@dataclass(eq=False)
class Session:
    """A session on the server. It notes who holds it."""

    number: int
    is_alive: bool = True
    is_deleted: bool = False
    is_open: bool = False
    holder: int | None = None


@dataclass(eq=False)
class Trouble(AsyncDatabase[Session]):
    """A database that is as well as it is told to be."""

    chance: random.Random
    share: float
    """How often something goes wrong."""
    careful: bool
    """Whether it wants sessions to be looked at, reset, and asked whether they survived an interrupt."""
    is_well: bool = False
    server: list[Session] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        if self.careful:
            self.__dict__.update(looks_alive=self._is_alive, needs_reset=lambda session: session.is_open)
            self.__dict__.update(survived_interrupt=lambda session: session.number % 2 == 0)

    def _is_alive(self, session: Session) -> bool:
        return session.is_alive

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        await self.trouble()
        self.made += 1
        session = Session(self.made)
        self.server.append(session)
        try:
            await self.trouble()
        except BaseException:  # a driver that is cancelled in the middle of it cleans up
            self.server.remove(session)
            raise
        return session

    async def ping(self, session: Session, *, timeout: float) -> None:
        if session.holder is not None:
            raise Broken(f"session {session.number} was pinged while caller {session.holder} held it")
        await self.trouble()
        if not session.is_alive:
            raise Died

    async def delete(self, session: Session, *, timeout: float) -> None:
        if session.holder is not None:
            raise Broken(f"session {session.number} was deleted while caller {session.holder} held it")
        if session in self.server:
            self.server.remove(session)
        session.is_alive = False
        session.is_deleted = True
        await self.trouble()

    async def reset(self, session: Session, *, timeout: float) -> None:
        await self.trouble()
        if not session.is_alive:
            raise Died
        session.is_open = False

    def meaning_of(self, error: BaseException) -> Meaning:
        if isinstance(error, Died):
            return Meaning.LOST
        return Meaning.TRANSIENT if isinstance(error, Complaint) else Meaning.UNKNOWN

    async def trouble(self) -> None:
        """Take some steps, and perhaps fail, hang, or not listen to a cancel."""
        if self.is_well:
            return
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0 if self.chance.random() < 0.5 else self.chance.expovariate(1 / SHORT))
        if self.chance.random() < self.share:
            fate = self.chance.randrange(4)
            if fate == 0:
                raise Complaint
            if fate == 1:
                raise asyncio.CancelledError  # some drivers do
            if fate == 2:
                await asyncio.sleep(40)
            if fate == 3:
                await deafly(self.chance.choice((SHORT, 40.0)))


async def deafly(seconds: float) -> None:
    """Sleep, whoever cancels it."""
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


class Schedule:
    """One life of one pool."""

    def __init__(self, seed: int) -> None:
        """Draw everything."""
        self.chance = chance = random.Random(seed)
        self.log: list[str] = []
        self.database = Trouble(chance, chance.choice((0.0, 0.1, 0.4)), careful=chance.random() < 0.4)
        self.size = chance.choice((1, 1, 2, 3, 5))
        self.is_kept = chance.random() < 0.5
        self.options: dict[str, Any] = {
            "default_timeout": chance.choice((None, 0, SHORT, 5.0)),
            "ping_interval": chance.choice((20.0, 20.0, math.inf)) if self.is_kept else chance.choice((0, 1.0)),
            "max_lifetime": chance.choice((None, None, 10.0)),
            "max_waiters": chance.choice((None, None, 2)),
            "io_timeout": chance.choice((1.0, 10.0)),
            "workers": chance.choice((None, None, 1)),
        }
        self.cancels = 0

    async def live(self) -> None:
        """Live through it."""
        pool: AsyncPingingPool[Session] = AsyncPingingPool(self.size, name="p", **self.options)
        self.pool = equip(pool, slots=CheckedSlot)
        if self.is_kept:
            pool.keep_alive()
        try:
            await pool.bind(self.database)
        except CannotFill:
            self.note("cannot fill")
        callers = [asyncio.create_task(self.call(who)) for who in range(self.chance.randint(1, 8))]
        governor = asyncio.create_task(self.govern())
        await self.cancel_some([*callers, governor])
        rescuer = asyncio.create_task(self.rescue())
        await asyncio.wait([*callers, governor])
        rescuer.cancel()
        for task in [*callers, governor]:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        del callers, governor, task, rescuer  # what ended by an error keeps its frames, and they keep sessions
        await self.come_to_rest()
        await self.end()

    def note(self, what: str) -> None:
        """Write it down."""
        self.log.append(f"{asyncio.get_running_loop().time():10.4f} {what}")

    # The callers.

    async def call(self, who: int) -> None:
        """Use the pool a few times, in all ways there are."""
        for _ in range(self.chance.randint(1, 4)):
            await asyncio.sleep(self.chance.choice((0, self.chance.expovariate(1 / SHORT))))
            way = self.chance.choice((self.use_block, self.use_block, self.use_bare, self.use_hastily))
            try:
                await way(who)
            except (PoolError, Died, ValueError, TimeoutError) as error:
                self.note(f"{who} ended with {error!r:.80}")

    async def use_block(self, who: int) -> None:
        """Use a session in a block."""
        async with self.pool.session(self.chance.choice((None, None, 0.0, 0.5))) as session:
            await self.use(who, session)

    async def use_hastily(self, who: int) -> None:
        """Use a session within a deadline of the caller's own."""
        async with asyncio.timeout(self.chance.expovariate(1 / SHORT)), self.pool.session() as session:
            await self.use(who, session)

    async def use_bare(self, who: int) -> None:
        """Use a session by get and put; whoever is cancelled drops it."""
        session = await self.pool.get()
        self.take(who, session)
        try:
            await asyncio.sleep(self.chance.random() * SHORT)
        except asyncio.CancelledError:
            if session in self.database.server:  # a driver's connection closes when it is collected
                self.database.server.remove(session)
            del session
            raise
        session.holder = None
        await self.pool.put(session)

    async def use(self, who: int, session: Session) -> None:
        """Hold the session for a while, and end in some way."""
        self.take(who, session)
        try:
            await asyncio.sleep(self.chance.choice((0, self.chance.random() * SHORT)))
            session.is_open = self.chance.random() < 0.3
            if not session.is_alive:
                raise Died
            if self.chance.random() < 0.1:
                raise ValueError
        finally:
            session.holder = None

    def take(self, who: int, session: Session) -> None:
        """Note who holds the session, and that nobody else does."""
        self.note(f"{who} has session {session.number}")
        if session.holder is not None:
            raise Broken(f"session {session.number} was lent to {who} and to {session.holder}")
        if session.is_deleted:
            raise Broken(f"session {session.number} was lent after its end")
        session.holder = who

    # Those around them.

    async def govern(self) -> None:
        """Call the pool as a whole, and let sessions die."""
        for _ in range(self.chance.randrange(6)):
            await asyncio.sleep(self.chance.expovariate(1 / SHORT))
            what = self.chance.choice(("ping", "ping", "clear", "bind", "kill", "stats"))
            self.note(f"govern: {what}")
            if what == "kill":
                self.kill_some()
            elif what == "stats":
                self.check(self.pool.stats())
            elif what == "bind":
                try:
                    await self.pool.bind(self.database)
                except CannotFill:
                    self.note("cannot fill")
            else:
                await getattr(self.pool, what)()

    def kill_some(self) -> None:
        """Let sessions die, and nobody know."""
        for session in self.database.server:
            session.is_alive = session.is_alive and self.chance.random() < 0.5

    async def rescue(self) -> None:
        """After a while all trouble ends, and the pool is bound again: nobody is to wait for ever."""
        while True:
            await asyncio.sleep(30)
            self.database.is_well = True
            try:
                await self.pool.bind(self.database)
            except CannotFill:
                self.note("cannot fill")

    async def cancel_some(self, tasks: list[asyncio.Task[None]]) -> None:
        """Cancel tasks at random times; each must end as cancelled, and soon."""
        for _ in range(self.chance.randrange(len(tasks) + 2)):
            await asyncio.sleep(self.chance.choice((0, 0, self.chance.expovariate(1 / SHORT))))
            task = self.chance.choice(tasks)
            if task.done():
                continue
            self.cancels += 1
            task.cancel()
            before = asyncio.get_running_loop().time()
            await asyncio.wait([task])
            if not task.cancelled():
                raise Broken("a cancel was swallowed") from task.exception()
            if asyncio.get_running_loop().time() > before + 1e-3:
                raise Broken("a cancel had to wait")

    # The end.

    async def come_to_rest(self) -> None:
        """The database is well, time passes, and every slot must be live."""
        self.database.is_well = True
        if self.pool.stats().in_use:
            gc.collect()
        await asyncio.sleep(90)  # whatever does not listen comes to an end
        for _ in range(2):
            await self.pool.bind(self.database)
            await self.pool.ping()
            await asyncio.sleep(20)
        self.check(self.pool.stats())
        lent = [await self.pool.get(50) for _ in range(self.size)]
        if self.options["ping_interval"] < math.inf and not all(session.is_alive for session in lent):
            raise Broken("a dead session was lent though its database is well")
        if len(self.database.server) != self.size:
            raise Broken(f"the server has {len(self.database.server)} sessions, the pool {self.size}")
        for session in lent:
            await self.pool.put(session)

    async def end(self) -> None:
        """After closing nothing is left: no session, no task."""
        await self.pool.close(100)
        await asyncio.sleep(1)
        if self.database.server:
            raise Broken(f"{len(self.database.server)} sessions outlived the pool")
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            raise Broken(f"tasks outlived the pool: {[task.get_name() for task in left if task]}")

    def check(self, stats: Stats) -> None:
        """See that every slot is somewhere."""
        at_work = stats.creating + stats.checking + stats.resetting + stats.closing
        if stats.idle + stats.in_use + stats.vacant + at_work != self.size:
            raise Broken(f"slots were lost: {stats!r}")


def run(seed: int) -> Schedule:
    """Live through one schedule; raise Broken with the way to replay it."""
    schedule = Schedule(seed)
    try:
        run_virtual(schedule.live())
    except Exception as error:
        raise Broken(
            f"{error!r} in schedule {seed}; replay it with\n"
            f"    PINGPOOL_SEED={seed} pytest -s -k replay tests/aio/test_schedules.py\n" + "\n".join(schedule.log)
        ) from error
    return schedule


def run_many(first: int, count: int) -> tuple[int, int]:
    """Live through so many schedules; return how many events and how many cancels there were."""
    schedules = [run(seed) for seed in range(first, first + count)]
    return sum(len(schedule.log) for schedule in schedules), sum(schedule.cancels for schedule in schedules)
