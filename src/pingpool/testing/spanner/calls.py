"""What a server was asked, in order."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One RPC as it arrived."""

    method: str
    """For example `"BatchCreateSessions"`."""
    database: str
    session: str | None
    """The full name of its session; None for calls about a database."""
    deadline: float | None
    """The seconds that the caller gave it, or None."""
    metadata: Mapping[str, str]
    request: Any
    """The message, of google-cloud-spanner's own types."""

    @property
    def resource_prefix(self) -> str | None:
        """The database that the client told the routers, or None."""
        return self.metadata.get("google-cloud-resource-prefix")

    @property
    def routes_to_leader(self) -> bool:
        """Did the client ask for the leader region?"""
        return self.metadata.get("x-goog-spanner-route-to-leader") == "true"

    @property
    def request_id(self) -> str | None:
        """The client's own number for this request; None from clients that give none."""
        return self.metadata.get("x-goog-spanner-request-id")


class Calls:
    """The calls so far, in order. May be read while more arrive."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._arrival = threading.Condition()

    def add(self, call: Call) -> None:
        with self._arrival:
            self._calls.append(call)
            self._arrival.notify_all()

    def count(self, method: str) -> int:
        return len(self.of(method))

    def of(self, method: str) -> list[Call]:
        return [call for call in self if call.method == method]

    def methods(self) -> list[str]:
        """Return the names of all calls, in order."""
        return [call.method for call in self]

    def wait_for(self, method: str, count: int = 1, *, timeout: float = 5.0) -> bool:
        """Wait until `count` calls of this method have arrived; return False after `timeout` seconds."""
        with self._arrival:
            return self._arrival.wait_for(lambda: self.count(method) >= count, timeout)

    def clear(self) -> None:
        with self._arrival:
            self._calls.clear()

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def __repr__(self) -> str:
        return f"<Calls {self.methods()}>"
