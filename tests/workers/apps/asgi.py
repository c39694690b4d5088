"""An ASGI application for uvicorn: each process opens its pool when it starts, and closes it when it ends."""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from notes import OPTIONS

import pingpool

Message = dict[str, Any]
pool: pingpool.AsyncPingingPool[Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer a request, or follow the life of the process."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    status, text = 200, ""
    try:
        text = json.dumps(await note(scope["path"]))
    except pingpool.PoolError as error:
        status, text = 503, repr(error)
    except Exception as error:
        status, text = 500, repr(error)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


async def live(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """Open the pool before the first request, and close it after the last."""
    global pool
    assert (await receive())["type"] == "lifespan.startup"
    async with pingpool.open_async(os.environ["DATABASE_URL"], **OPTIONS) as pool:
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


async def note(path: str) -> dict[str, int]:
    """Run the statements that belong to the path, and tell which process and which session ran them."""
    async with pool.session() as connection:
        if path == "/sleep":
            await connection.execute("SELECT pg_sleep(60)")
        rows = await connection.execute("INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()")
        number, backend = await rows.fetchone()
        await connection.commit()
    return {"process": os.getpid(), "backend": backend, "note": number}
