"""What the metrics are called, by the semantic conventions of OpenTelemetry; all their names stand here.

The conventions for pools of connections are in development: a version that renames something becomes a row of
`CONVENTIONS`. The names of 1.27 are those of every version since, up to 1.43 at least.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple


class Name(NamedTuple):
    """What a metric is called, in what it counts, and what it says."""

    name: str
    unit: str
    says: str


@dataclass(frozen=True)
class Convention:
    """The nine metrics of a pool, and their attributes."""

    pool: str
    state: str
    idle: str
    used: str
    count: Name
    idle_max: Name
    idle_min: Name
    max: Name
    pending_requests: Name
    timeouts: Name
    create_time: Name
    wait_time: Name
    use_time: Name


def _of_1_27(prefix: str) -> Convention:
    return Convention(
        pool=f"{prefix}.pool.name",
        state=f"{prefix}.state",
        idle="idle",
        used="used",
        count=Name(
            f"{prefix}.count",
            "{connection}",
            "The number of connections that are currently in state described by the `state` attribute.",
        ),
        idle_max=Name(f"{prefix}.idle.max", "{connection}", "The maximum number of idle open connections allowed."),
        idle_min=Name(f"{prefix}.idle.min", "{connection}", "The minimum number of idle open connections allowed."),
        max=Name(f"{prefix}.max", "{connection}", "The maximum number of open connections allowed."),
        pending_requests=Name(
            f"{prefix}.pending_requests",
            "{request}",
            "The number of current pending requests for an open connection.",
        ),
        timeouts=Name(
            f"{prefix}.timeouts",
            "{timeout}",
            "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
        ),
        create_time=Name(f"{prefix}.create_time", "s", "The time it took to create a new connection."),
        wait_time=Name(f"{prefix}.wait_time", "s", "The time it took to obtain an open connection from the pool."),
        use_time=Name(
            f"{prefix}.use_time", "s", "The time between borrowing a connection and returning it to the pool."
        ),
    )


CONVENTIONS: Final = {
    "1.27": _of_1_27("db.client.connection"),
    "pingpool": _of_1_27("pingpool"),
}
"""By version; "pingpool" is for pools of what is no database: the conventions have no names for them."""

NEWEST: Final = "1.27"


def convention_of(version: str) -> Convention:
    """Return the names of a version.

    Raises:
        ValueError: it is not known.
    """
    if version not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}; got {version!r}")
    return CONVENTIONS[version]


# Ours: what the histograms of OpenTelemetry cannot be sure to hold, see `replay`.
WAITS: Final = Name("pingpool.waits", "{wait}", "Callers who waited for a session, or were served at once.")
USES: Final = Name("pingpool.uses", "{use}", "Sessions that came back.")
CREATIONS: Final = Name("pingpool.creations", "{session}", "Sessions that were created.")
