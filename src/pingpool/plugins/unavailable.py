"""What a client is told while no session can be had: 503, and this. The pool's own words name places in the code."""

from typing import Final

RETRY_AFTER: Final = 5
"""Seconds after which a client is asked to come again."""

COME_AGAIN: Final = {"Retry-After": str(RETRY_AFTER)}
"""The header that says so."""

PROBED_WITHIN: Final = 1.0
"""Seconds that a readiness probe has at most: a probe that hangs is worth less than one that says no."""

NO_SESSION: Final = "No database session could be had in time."
