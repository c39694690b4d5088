"""What an error means: for the job that failed with it, and for the session whose use it ended.

Pure questions to the database's traits. A database that cannot answer is no reason to lose a job: then the error means
nothing special.
"""

import math

from pingpool.core.orders import End, Job, Outcome
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, State
from pingpool.database import Meaning
from pingpool.errors import BeyondReset, all_behind
from pingpool.pool.bugs import Bugs, is_bug
from pingpool.pool.hooks import AnyDatabase, overrides

WELL = {CHECKING: End.ALIVE, RESETTING: End.ALIVE, CLOSING: End.CLOSED}
"""How a job ends that raised nothing; one that creates brings its sessions."""

FAILED: dict[State, dict[Meaning, End]] = {
    CREATING: {Meaning.REFUSED: End.REFUSED, Meaning.UNREACHABLE: End.UNREACHABLE},
    CHECKING: {Meaning.TRANSIENT: End.IN_DOUBT, Meaning.REFUSED: End.IN_DOUBT},
    RESETTING: {Meaning.LOST: End.GONE, Meaning.MISPLACED: End.GONE},
    CLOSING: {},
}
"""How a job ends that raised an error with a special meaning."""

OTHERWISE = {CREATING: End.FAILED, CHECKING: End.GONE, RESETTING: End.IN_DOUBT, CLOSING: End.CLOSED}
"""How a job ends that raised any other error."""

LIVES_ON = {CHECKING: End.KEPT, CLOSING: End.LEFT}
"""How a job ends about a session that lives at the server, if the error does not mean that it is lost."""

BROKEN = {CREATING: End.REFUSED, CHECKING: End.IN_DOUBT, RESETTING: End.IN_DOUBT, CLOSING: End.CLOSED}
"""How a job ends whose hook is broken: that says nothing of a session, and will not heal by itself."""


def outcome_of(job: Job, error: BaseException | None, database: AnyDatabase, bugs: Bugs) -> Outcome:
    """Return how a job about a session ended that raised this error, or none."""
    if error is None:
        return Outcome(End.SEEN_ALIVE if hook_of(job, database) == "check" else WELL[job.kind])
    reason = error.reason if isinstance(error, BeyondReset) else ""
    if reason and job.kind is not CREATING:
        end = End.UNFIT
    elif is_bug(error):
        end = BROKEN[job.kind]
    else:
        end = end_by(meaning_of(error, database, bugs), job.kind, lives_at_server=database.lives_at_server)
    if not isinstance(error, Exception):
        error = twin_of(error)
    elif job.kind is not CREATING:
        forget_frames(error)
    return Outcome(end, error=error, reason=reason)


def end_by(meaning: Meaning, kind: State, *, lives_at_server: bool) -> End:
    """Return how a job of this kind ends by an error with this meaning."""
    if lives_at_server and kind in LIVES_ON and meaning not in (Meaning.LOST, Meaning.MISPLACED):
        return LIVES_ON[kind]
    return FAILED[kind].get(meaning, OTHERWISE[kind])


def hook_of(job: Job, database: AnyDatabase) -> str:
    """Return the name of the call that does a job: the quickest check is for sessions that somebody waits for."""
    if job.kind is CREATING:
        return "create_many" if overrides(database, "create_many") else "create"
    if job.kind is CHECKING:
        return "check" if job.urgent and overrides(database, "check") else "ping"
    return "reset" if job.kind is RESETTING else "delete"


def meaning_of(error: BaseException, database: AnyDatabase, bugs: Bugs) -> Meaning:
    """Ask the database what an error means."""
    try:
        return as_meaning(database.meaning_of(error))
    except BaseException as further:
        bugs.tell("meaning_of", further)
        return Meaning.UNKNOWN


def seconds_to_live(session: object, database: AnyDatabase, bugs: Bugs) -> float:
    """Ask in how many seconds a new session ends by itself; infinity if it does not, or if there is no such answer."""
    try:
        answer: object = database.expires_in(session)
        if answer is None:
            return math.inf
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            raise TypeError(f"it returned a {type(answer).__name__}, not a number of seconds or None")
        if not answer > 0:
            raise ValueError(f"it returned {answer!r}, which is not more than 0 seconds")
        return float(answer)
    except BaseException as error:
        bugs.tell("expires_in", error)
        return math.inf


def as_meaning(answer: object) -> Meaning:
    """Return the answer of a `meaning_of`; what is no meaning means nothing special."""
    return answer if isinstance(answer, Meaning) else Meaning.UNKNOWN


def twin_of(error: BaseException) -> BaseException:
    """Return an error of the same kind and words, to be kept.

    An interrupt goes on from where it struck, and gathers frames on its way: those of a loop, and of all its tasks.
    """
    return type(error).__new__(type(error), *error.args)


def forget_frames(error: BaseException) -> None:
    """Drop the tracebacks, whose frames hold the session: a stored error must not keep it from being collected."""
    for each in all_behind(error):
        each.__traceback__ = None
