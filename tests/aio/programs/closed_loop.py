"""Close a loop over a pool that is still being filled, and leave: as worker processes do that cancel no task."""

import asyncio
import gc
import math
import sys
from typing import Any

import pingpool
from pingpool.databases.in_threads import InThreads
from pingpool.databases.sqlite import SQLite

file, kind, end = sys.argv[1:]


async def use() -> Any:
    """Open a pool, and use a session."""
    pool = await pingpool.open_async(InThreads(SQLite(file)) if kind == "in threads" else f"sqlite:///{file}", size=5)
    async with pool.session(30) as session:
        if kind == "in threads":
            await asyncio.to_thread(session.execute, "SELECT 1")
        else:
            await session.execute("SELECT 1")
    return pool


loop = asyncio.new_event_loop()
loop.slow_callback_duration = math.inf  # else Python's development mode tells of a busy machine
pool = loop.run_until_complete(use())
loop.close()
if end == "dropped":
    del pool
    gc.collect()
sys.stdout.write("end\n")
