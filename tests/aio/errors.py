"""What the tests of asyncio's databases share: catching what a call raises."""

from collections.abc import Awaitable

import pytest


async def error_of(call: Awaitable[object]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 (the caller looks at it)
        await call
    return raised.value
