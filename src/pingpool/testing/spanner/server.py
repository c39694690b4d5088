"""A Cloud Spanner server in this process: start, stop, a client, and all that can be done to it."""

import inspect
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud.spanner_v1 import Client

from pingpool.testing.clock import Clock
from pingpool.testing.spanner.answers import Answers, Row
from pingpool.testing.spanner.calls import Calls
from pingpool.testing.spanner.faults import Delay, Failure, Gate
from pingpool.testing.spanner.rpcs import Rpcs
from pingpool.testing.spanner.servicer import RPC, Servicer
from pingpool.testing.spanner.sessions import Session, Sessions, ToldClock

MOST_CALLS_AT_ONCE = 256  # delayed calls hold a thread each


class SpannerServer:
    """A server on a free port of this machine, started at once; `stop` or the end of its block stops it.

    Every database exists until it is dropped. One BatchCreateSessions makes at most `batch_cap` sessions. Sessions
    without `expected_labels` or `expected_role` are noted as violations. Safe for threads.
    """

    def __init__(
        self,
        *,
        batch_cap: int = 100,
        clock: ToldClock | None = None,
        expected_labels: Mapping[str, str] | None = None,
        expected_role: str = "",
    ) -> None:
        self.clock: ToldClock = clock or Clock()
        """Set by hand: `server.clock.advance(3601)` is an idle hour for every session."""
        self._sessions = Sessions(self.clock, expected_labels or {}, expected_role)
        self._answers = Answers()
        self._servicer = Servicer(self._sessions, Rpcs(self._sessions, self._answers, batch_cap))
        self._threads = ThreadPoolExecutor(MOST_CALLS_AT_ONCE, thread_name_prefix="spanner-server")
        self._server = RPC.server(self._threads, handlers=[self._servicer.handlers()])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        """Host and port, as in `SPANNER_EMULATOR_HOST`."""
        self._server.start()

    def client(self, project: str = "p", **options: Any) -> Client:
        """Return Google's own client for this server; `options` are its own.

        Raises `RuntimeError` when `SPANNER_EMULATOR_HOST` is set, which the client would follow.
        """
        if os.environ.get("SPANNER_EMULATOR_HOST", self.address) != self.address:
            raise RuntimeError("SPANNER_EMULATOR_HOST is set: the client would talk to that server and not to this one")
        if "disable_builtin_metrics" in inspect.signature(Client).parameters:
            options.setdefault("disable_builtin_metrics", True)
        anonymous: Any = AnonymousCredentials  # without types
        return Client(project, anonymous(), client_options={"api_endpoint": self.address}, **options)

    # What the server answers, and what it was asked

    def answer(
        self,
        statement: str,
        rows: Sequence[Row] = (),
        *,
        columns: Sequence[str] = (),
        updated: int | None = None,
    ) -> None:
        """Let a statement return these rows, or say how many rows it `updated`.

        A table's name stands for every read of that table. `SELECT 1` is known from the start; any other statement
        without an answer is refused with INVALID_ARGUMENT.
        """
        with self._servicer.lock:
            self._answers.add(statement, rows, columns, updated)

    @property
    def calls(self) -> Calls:
        """Every RPC that arrived, in order."""
        return self._servicer.calls

    @property
    def violations(self) -> list[str]:
        """What clients did wrong, as sentences: two calls at once in one session, missing labels."""
        with self._servicer.lock:
            return list(self._sessions.violations)

    # The sessions, and their end

    @property
    def sessions(self) -> list[Session]:
        """The ordinary sessions that are alive now, oldest first, not copied."""
        return [session for session in self._alive() if not session.multiplexed]

    @property
    def multiplexed_sessions(self) -> list[Session]:
        """The sessions that a client shares among its threads; pools do not use them."""
        return [session for session in self._alive() if session.multiplexed]

    def expire(self, name: str) -> None:
        """Delete a session, by its full name, behind the client's back."""
        with self._servicer.lock:
            self._sessions.delete([name])

    def expire_all(self) -> None:
        """Delete every ordinary session behind the client's back."""
        for session in self.sessions:
            self.expire(session.name)

    def drop(self, name: str) -> None:
        """Drop a database, or an instance with all its databases, by its full name, and their sessions."""
        with self._servicer.lock:
            self._servicer.dropped.add(name)
            below = [session.name for session in self._sessions.alive() if session.name.startswith(f"{name}/")]
            self._sessions.delete(below)

    # What goes wrong

    def fail(
        self, method: str, code: grpc.StatusCode, *, times: float = 1, after: int = 0, message: str = "told to fail"
    ) -> None:
        """Refuse the next `times` calls of a method (`math.inf`: all), after the first `after`.

        `method` is an RPC's name or `EVERY_METHOD`. Nothing is done for a refused call.
        """
        self._servicer.faults.add(Failure(method, times, after, code, message))

    def delay(self, method: str, by: float | Gate, *, times: float = math.inf, after: int = 0) -> None:
        """Delay calls of a method by `by` real seconds, or until a gate (say, a `threading.Event`) opens.

        If the caller has given up by then, nothing is done.
        """
        self._servicer.faults.add(Delay(method, times, after, by))

    def heal(self) -> None:
        """Remove all failures and delays; calls that wait at a gate still do."""
        self._servicer.faults.clear()

    # The end

    def stop(self) -> None:
        """Break every connection and close the port. Again is harmless."""
        self._servicer.faults.stop()
        self._server.stop(None).wait()
        self._threads.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _alive(self) -> list[Session]:
        with self._servicer.lock:
            return self._sessions.alive()
