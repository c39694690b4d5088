"""What a test does where a server is not installed: it is skipped, and says how to get the server."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from pingpool.testing.servers import ServerMissing


@contextmanager
def skipped_if_missing() -> Generator[None]:
    """Skip the test if the server's programs are missing."""
    try:
        yield
    except ServerMissing as missing:
        pytest.skip(str(missing))
