"""The world of asyncio: no lock and no thread; a bare future for each who waits, a task for each call, one timer."""
