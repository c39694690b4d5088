"""What differs between the versions of google-cloud-spanner from 3.15 on, asked of the client itself.

Versions are told apart by what they have, never by their number. The underscores below are the client's: it gives no
other way to these, and its own pools use the same.
"""

import inspect
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, cast

from google.cloud.spanner_v1 import client as clients
from google.cloud.spanner_v1 import session as sessions
from google.cloud.spanner_v1.types import spanner as messages

_client: Any = clients.Client
_session: Any = sessions.Session
_template: Any = messages.Session

try:
    _switches: Any = import_module("google.cloud.spanner_v1.database_sessions_manager")
except ImportError:
    _switches = None

CAN_DO_WITHOUT = hasattr(getattr(_switches, "DatabaseSessionsManager", None), "_use_multiplexed")
"""May this client be set never to ask its pool? Up to 3.55 the pool was always good for something."""

SWITCHES = {
    kind: f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{suffix}"
    for kind, suffix in (("read-only", ""), ("read-write", "_FOR_RW"), ("partitioned", "_PARTITIONED_OPS"))
}
"""The kinds of work, and the environment variable that gives each to the pool if it is `false`."""

KINDS = {"read-only": "READ_ONLY", "read-write": "READ_WRITE", "partitioned": "PARTITIONED"}
"""The same kinds as the client calls them."""

DATABASES = ("google.cloud.spanner_v1.database", "google.cloud.spanner_v1._async.database")
"""Where the client's classes of databases are at home."""

KNOWS_ROLES = "database_role" in inspect.signature(_session).parameters

client_spans: Any = import_module("google.cloud.spanner_v1._opentelemetry_tracing")
"""By what the client makes its spans."""

MAKES_SPANS = hasattr(client_spans, "add_span_event") and getattr(client_spans, "HAS_OPENTELEMETRY_INSTALLED", True)
"""Can the client's pool be traced? The first ones could not, and later ones not without OpenTelemetry."""

TRACES_PINGS = MAKES_SPANS and "trace_call" in _session.ping.__code__.co_names
"""Does the client make a span of a ping, too?"""

UNMEASURED: dict[str, Any] = (
    {"disable_builtin_metrics": True} if "disable_builtin_metrics" in inspect.signature(_client).parameters else {}
)
"""What keeps a client that talks to an emulator from sending its metrics to Google."""

ANSWERED_BY_THE_LEADER = frozenset({"batch_create_sessions", "get_session"})

Metadata = list[tuple[str, str]]


def template_of(labels: Mapping[str, str], role: str | None) -> Any:
    """Return what new sessions are to look like on the server."""
    return _template(labels=dict(labels), **({"creator_role": role} if role else {}))


def looks_of(labels: Mapping[str, str], role: str | None) -> dict[str, Any]:
    """Return what the client's `Session` is told about itself."""
    return {"labels": dict(labels), **({"database_role": role} if KNOWS_ROLES else {})}


def metadata_of(database: Any, method: str) -> Metadata:
    """Return what goes along with one call.

    What the leader region answers best is routed there, unless the client was told not to.
    """
    metadata = [("google-cloud-resource-prefix", str(database.name))]
    if method in ANSWERED_BY_THE_LEADER and getattr(database, "_route_to_leader_enabled", False):
        metadata.append(("x-goog-spanner-route-to-leader", "true"))
    return metadata


def numbered(database: Any, metadata: Metadata) -> tuple[Metadata, AbstractContextManager[Any]]:
    """Return the same with the number of the request, and the block to make it in, which adds that to errors.

    The span that is current is told of the number.
    """
    if hasattr(database, "with_error_augmentation"):
        answer = database.with_error_augmentation(database._next_nth_request, 1, metadata)
        if isinstance(answer, tuple):  # a mock returns anything
            return cast("tuple[Metadata, AbstractContextManager[Any]]", answer)
        return metadata, nullcontext()
    if hasattr(database, "metadata_with_request_id"):
        return database.metadata_with_request_id(database._next_nth_request, 1, metadata), nullcontext()
    return metadata, nullcontext()


def is_from(modules: Iterable[str], thing: object) -> bool:
    """Is the class of a thing at home in one of these modules, or one that it inherits from? A mock's is not."""
    return any(each.__module__ in modules for each in type(thing).__mro__)


def work_past_the_pool(database: Any) -> dict[str, str]:
    """Return which kinds of work the client is set to give its one multiplexed session, with the switch of each.

    It reads its switches at every call. A mock in place of its `Database` is no client, and asks for all.
    """
    client = getattr(getattr(database, "_instance", None), "_client", None)
    if not CAN_DO_WITHOUT or not is_from(DATABASES, database):
        return {}
    if getattr(client, "instance_type", None) == "omni" or getattr(client, "_experimental_host", None):
        return dict(SWITCHES)
    uses = _switches.DatabaseSessionsManager._use_multiplexed
    return {name: SWITCHES[name] for name, kind in KINDS.items() if uses(getattr(_switches.TransactionType, kind))}
