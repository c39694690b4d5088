"""Runs the blocks of the page about Sentry in a process of its own, which the SDK changes all over; looks at what came.

A transport keeps them, in place of one that sends them.
"""

import json
import sys
from typing import Any

from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from tests.docs.pages import blocks_of, run_blocks

DSN = 'dsn="https://key@sentry.example/1"'


class Keeping(Transport):
    """Keeps what would be sent."""

    events: list[Any] = []  # noqa: RUF012 (the SDK makes the one there is)

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events.append(envelope.get_event())


def main(page: str, stand_ins: dict[str, str]) -> None:
    """Run the page, and see that two events came of it: what the pool said, and what its caller met."""
    run_blocks(blocks_of(page), {"Keeping": Keeping}, {**stand_ins, DSN: f"{DSN}, transport=Keeping"})
    told, met = sorted(Keeping.events, key=lambda event: "exception" in event)
    assert told["logentry"]["params"][1].startswith("exhausted: "), told["logentry"]
    assert (told["fingerprint"], told["tags"]) == (["pingpool", "shop"], {"pool": "shop"})
    error = met["exception"]["values"][-1]
    assert error["type"] == "PoolTimeout", error["type"]
    assert "held by" in error["value"], error["value"]


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
