"""The way of each call through the server: it is noted, meets the faults for its method, has to name a database and a
session that exist, and then is carried out.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
from google.cloud.spanner_v1.types import spanner
from google.protobuf.message import Message

from pingpool.testing.spanner.calls import Call, Calls
from pingpool.testing.spanner.faults import Delay, Failure, Faults
from pingpool.testing.spanner.refusals import Refusal, not_found
from pingpool.testing.spanner.rpcs import Rpcs
from pingpool.testing.spanner.sessions import Sessions

REQUESTS = {
    "CreateSession": "CreateSessionRequest",
    "BatchCreateSessions": "BatchCreateSessionsRequest",
    "GetSession": "GetSessionRequest",
    "ListSessions": "ListSessionsRequest",
    "DeleteSession": "DeleteSessionRequest",
    "BeginTransaction": "BeginTransactionRequest",
    "Commit": "CommitRequest",
    "Rollback": "RollbackRequest",
    "ExecuteSql": "ExecuteSqlRequest",
    "ExecuteStreamingSql": "ExecuteSqlRequest",
    "ExecuteBatchDml": "ExecuteBatchDmlRequest",
    "Read": "ReadRequest",
    "StreamingRead": "ReadRequest",
    "PartitionQuery": "PartitionQueryRequest",
    "PartitionRead": "PartitionReadRequest",
    "BatchWrite": "BatchWriteRequest",
}
STREAMING = {"ExecuteStreamingSql", "StreamingRead", "BatchWrite"}
ABOUT_A_DATABASE = {"CreateSession", "BatchCreateSessions", "ListSessions"}
ABOUT_A_SESSION_ITSELF = {"GetSession", "DeleteSession"}
"""Calls that do not use their session: it lives no longer for them."""

RPC: Any = grpc
"""The stubs of grpc contradict one another here."""

FOR_EVER = 1e9  # older versions of grpc have a huge number in place of "no deadline"


class Servicer:
    """Takes the calls of all clients, on many threads."""

    def __init__(self, sessions: Sessions, rpcs: Rpcs) -> None:
        self.calls = Calls()
        self.faults = Faults()
        self.dropped: set[str] = set()
        self.lock = threading.Lock()
        """Held around everything that touches the sessions or Google's mock server."""
        self._sessions = sessions
        self._rpcs = rpcs

    def handlers(self) -> Any:
        """Return what a gRPC server needs to offer all methods that the installed client knows."""
        known = {method: getattr(spanner, name) for method, name in REQUESTS.items() if hasattr(spanner, name)}
        return RPC.method_handlers_generic_handler(
            "google.spanner.v1.Spanner",
            {
                method: (
                    RPC.unary_stream_rpc_method_handler(partial(self._stream, method), request.deserialize, encoded)
                    if method in STREAMING
                    else RPC.unary_unary_rpc_method_handler(partial(self._serve, method), request.deserialize, encoded)
                )
                for method, request in known.items()
            },
        )

    def _stream(self, method: str, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from self._serve(method, request, context)

    def _serve(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        call = call_of(method, request, context)
        self.calls.add(call)
        try:
            with self._inside_its_session(call):
                self._meet_faults(method, context)
                with self.lock:
                    self._require_what_it_names(call)
                    answer = self._rpcs.carry_out(method, request)
                    if call.session and method not in ABOUT_A_SESSION_ITSELF:
                        self._sessions.touch(call.session)
                    return answer
        except Refusal as refusal:
            refusal.end(context)
        except ValueError as error:  # Google's mock server: an unknown statement or transaction
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error)).end(context)

    @contextmanager
    def _inside_its_session(self, call: Call) -> Generator[None]:
        transaction = transaction_of(call.request)
        with self.lock:
            session = self._sessions.get(call.session) if call.session else None
            if session:
                self._sessions.enter(session, call.method, transaction)
        try:
            yield
        finally:
            if session:
                with self.lock:
                    self._sessions.leave(session, transaction)

    def _meet_faults(self, method: str, context: grpc.ServicerContext) -> None:
        faults = self.faults.striking(method)
        for delay in [fault for fault in faults if isinstance(fault, Delay)]:
            self.faults.wait(delay.by, context.is_active)
        for failure in [fault for fault in faults if isinstance(fault, Failure)]:
            raise Refusal(failure.code, failure.message)
        if not context.is_active():
            raise Refusal(grpc.StatusCode.CANCELLED, "the caller has given up")

    def _require_what_it_names(self, call: Call) -> None:
        instance = call.database.partition("/databases/")[0]
        if instance in self.dropped:
            raise not_found("google.spanner.admin.instance.v1.Instance", instance)
        if call.database in self.dropped:
            raise not_found("google.spanner.admin.database.v1.Database", call.database)
        if call.session and not self._sessions.get(call.session):
            raise not_found("google.spanner.v1.Session", call.session)


def call_of(method: str, request: Any, context: grpc.ServicerContext) -> Call:
    """Return the call that a request and its context describe."""
    named: str | None = None
    if method not in ABOUT_A_DATABASE:
        named = request.name if method in ABOUT_A_SESSION_ITSELF else request.session
    deadline = context.time_remaining()
    return Call(
        method=method,
        database=named.partition("/sessions/")[0] if named else request.database,
        session=named,
        deadline=deadline if deadline is not None and deadline < FOR_EVER else None,
        metadata={key: str(value) for key, value in context.invocation_metadata()},
        request=request,
    )


def transaction_of(request: Any) -> bytes:
    """Return the transaction of a call, if that has begun before."""
    if hasattr(request, "transaction_id"):
        return bytes(request.transaction_id)
    return bytes(request.transaction.id) if hasattr(request, "transaction") else b""


def encoded(answer: Any) -> bytes:
    """Return a message as bytes: plain ones do it themselves, wrapped ones by their class."""
    written: bytes = answer.SerializeToString() if isinstance(answer, Message) else answer.__class__.serialize(answer)
    return written
