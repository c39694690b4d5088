"""What each RPC of Cloud Spanner does.

Sessions, reads and partitions are ours; statements and transactions are Google's `spannermockserver`. Not safe for
threads: the caller holds the server's lock.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from inspect import isgenerator
from typing import Any

from google.cloud.spanner_v1.types import ResultSetStats, spanner
from google.protobuf import empty_pb2

from pingpool.testing.spanner.answers import Answers
from pingpool.testing.spanner.refusals import not_found
from pingpool.testing.spanner.sessions import Session, Sessions


class Rpcs:
    """The methods of `google.spanner.v1.Spanner`, by those names."""

    def __init__(self, sessions: Sessions, answers: Answers, batch_cap: int) -> None:
        self._sessions = sessions
        self._answers = answers
        self._batch_cap = batch_cap
        self._google: Any = import_module("spannermockserver").SpannerServicer()
        self._google.sessions = sessions
        self._google.mock_spanner.results = answers
        self._ours: dict[str, Callable[[Any], Any]] = {
            "CreateSession": self._create_session,
            "BatchCreateSessions": self._batch_create_sessions,
            "GetSession": self._get_session,
            "ListSessions": self._list_sessions,
            "DeleteSession": self._delete_session,
            "ExecuteStreamingSql": self._execute_streaming_sql,
            "Read": self._read,
            "StreamingRead": self._streaming_read,
            "PartitionQuery": self._partition,
            "PartitionRead": self._partition,
        }

    def carry_out(self, method: str, request: Any) -> Any:
        """Return a message, or a list of them for a stream. Raises `Refusal` or `ValueError`."""
        ours = self._ours.get(method)
        return ours(request) if ours else self._mocked(method, request)

    def _mocked(self, method: str, request: Any) -> Any:
        answer = getattr(self._google, method)(request, None)
        return list(answer) if isgenerator(answer) else answer

    def _create_session(self, request: Any) -> Any:
        return self._create(request.database, request.session)

    def _batch_create_sessions(self, request: Any) -> Any:
        count = min(request.session_count, self._batch_cap)
        made = [self._create(request.database, request.session_template) for _ in range(count)]
        return spanner.BatchCreateSessionsResponse(session=made)

    def _get_session(self, request: Any) -> Any:
        return message(self._existing(request.name))

    def _list_sessions(self, request: Any) -> Any:
        alive = [message(session) for session in self._sessions.alive() if session.database == request.database]
        return spanner.ListSessionsResponse(sessions=alive)

    def _delete_session(self, request: Any) -> Any:
        self._sessions.delete([self._existing(request.name).name])
        return empty_pb2.Empty()

    def _execute_streaming_sql(self, request: Any) -> Any:
        parts = self._mocked("ExecuteStreamingSql", request)
        options = self._google.transactions.get(request.transaction.id)
        if options is not None and "partitioned_dml" in options:
            # A partitioned statement may touch a row twice: Spanner promises only a lower bound.
            parts[-1].stats = ResultSetStats(row_count_lower_bound=parts[-1].stats.row_count_exact)
        return parts

    def _read(self, request: Any) -> Any:
        return self._mocked("ExecuteSql", self._as_statement(request))

    def _streaming_read(self, request: Any) -> Any:
        return self._mocked("ExecuteStreamingSql", self._as_statement(request))

    def _partition(self, _request: Any) -> Any:
        return spanner.PartitionResponse(partitions=[spanner.Partition(partition_token=b"the only one")])

    def _create(self, database: str, template: Any) -> Any:
        # Older clients have no such attributes.
        role: str = getattr(template, "creator_role", "")
        multiplexed: bool = getattr(template, "multiplexed", False)
        labels: Mapping[str, str] = template.labels
        return message(self._sessions.create(database, labels=labels, creator_role=role, multiplexed=multiplexed))

    def _existing(self, name: str) -> Session:
        session = self._sessions.get(name)
        if session is None:
            raise not_found("google.spanner.v1.Session", name)
        return session

    def _as_statement(self, read: Any) -> Any:
        self._answers.add_table(read.table)
        return spanner.ExecuteSqlRequest(session=read.session, transaction=read.transaction, sql=read.table)


def message(session: Session) -> spanner.Session:
    """Return a session as a message, without unset fields, which older clients do not know."""
    optional: dict[str, Any] = {"creator_role": session.creator_role, "multiplexed": session.multiplexed}
    return spanner.Session(
        name=session.name,
        labels=dict(session.labels),
        create_time=datetime.fromtimestamp(session.created_at, UTC),
        approximate_last_use_time=datetime.fromtimestamp(session.last_used_at, UTC),
        **{name: value for name, value in optional.items() if value},
    )
