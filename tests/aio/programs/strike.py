"""Strike with Ctrl-C into a loop that goes on afterwards, as a notebook's does, and see whether a pool loses anything.

Each strike hits whatever runs: a task, the pool, or the loop itself, which may forget a task or a timer by that. A
task that is forgotten is collected in one cycle with all that it holds, also with a session that has just reached it.
"""

import asyncio
import faulthandler
import gc
import logging
import random
import signal
import sys
import warnings
from types import FrameType

from pingpool import AsyncPingingPool
from pingpool.errors import PoolError
from pingpool.testing import FakeSession, SessionDied
from pingpool.testing.async_database import AsyncTransactionalDatabase

warnings.simplefilter("ignore")
logging.disable()
faulthandler.dump_traceback_later(150, exit=True)
sys.unraisablehook = lambda _: None  # a strike into a finaliser goes nowhere
random.seed(int(sys.argv[1]))
strikes = int(sys.argv[2])
struck = 0
is_armed = False

Pool = AsyncPingingPool[FakeSession]


def strike(number: int, frame: FrameType | None) -> None:
    """Press Ctrl-C, and set the time of the next one."""
    global struck
    if is_armed:
        struck += 1
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + random.random() * 0.0015)
        raise KeyboardInterrupt


async def use(pool: Pool) -> None:
    """Use the pool, well or not."""
    while struck < strikes:
        try:
            async with pool.session(0.05) as session:
                await asyncio.sleep(0)
                session.left_open = random.random() < 0.1
                if random.random() < 0.05:
                    session.is_alive = random.random() < 0.5
                    raise SessionDied
        except (PoolError, SessionDied):
            await asyncio.sleep(0)


async def bind(pool: Pool, database: AsyncTransactionalDatabase) -> None:
    """Fill the pool."""
    await pool.bind(database)


async def all_live(pool: Pool, seconds: float) -> None:
    """Check that every slot of the pool holds a living session that can be lent."""
    sessions = [await pool.get(seconds) for _ in range(pool.size)]
    for session in sessions:
        session.use()
        await pool.put(session)
    while pool.stats().idle < pool.size:
        await asyncio.sleep(0.01)  # real time: a told one has no place among real signals


def endure(loop: asyncio.AbstractEventLoop, pool: Pool) -> None:
    """Run the loop again and again, with so many tasks that use the pool, until it was struck often enough."""
    global is_armed
    tasks: list[asyncio.Task[None]] = []
    while struck < strikes:
        try:
            is_armed = True
            if struck % 20 == 0 or signal.getitimer(signal.ITIMER_REAL)[0] == 0:
                signal.setitimer(signal.ITIMER_REAL, 0.001)
            for task in tasks[:2]:
                task.cancel()
            tasks = [task for task in tasks[2:] if not task.done()]  # what the loop has forgotten is let go
            tasks += [loop.create_task(use(pool)) for _ in range(6 - len(tasks))]
            loop.run_until_complete(asyncio.sleep(0.01))  # so that signals strike
        except (KeyboardInterrupt, RuntimeError):  # or: the loop was stopped before the task was done
            continue
    is_armed = False
    for task in tasks:
        task.cancel()


loop = asyncio.new_event_loop()
pool = Pool(3, io_timeout=1)
loop.run_until_complete(bind(pool, AsyncTransactionalDatabase()))
signal.signal(signal.SIGALRM, strike)
while struck < strikes:
    try:
        endure(loop, pool)
    except (KeyboardInterrupt, RuntimeError):
        continue
is_armed = False
signal.setitimer(signal.ITIMER_REAL, 0)
before = pool.stats()
gc.collect()
try:
    loop.run_until_complete(asyncio.wait_for(all_live(pool, 20), 40))
except BaseException as error:
    sys.exit(f"not all live: {pool} {before} {error!r}")
loop.run_until_complete(pool.close(1))
sys.stdout.write(f"struck {struck}, {pool}\n")
