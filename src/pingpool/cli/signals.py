"""SIGTERM and SIGHUP end a command as Ctrl-C does: it cleans up, and reports what it has."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

LIKE_CTRL_C = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def ended_like_ctrl_c() -> Generator[None]:
    """Let those signals interrupt this block, unless somebody else has set them."""
    changed = [number for number in LIKE_CTRL_C if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
