"""What a client is told while no session can be had: 503, and this. The pool's own words name places in the code."""

from typing import Final

RETRY_AFTER: Final = 5
"""Seconds after which a client is asked to come again."""

NO_SESSION: Final = "No database session could be had in time."
