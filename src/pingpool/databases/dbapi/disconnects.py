"""How the errors of PEP 249 drivers tell that their connection is gone: by codes first, by words last.

The standard has no code for it. Each driver has its own: an SQLSTATE, a number, or both, in one of a few places. A code
that means something else settles it too. Words count only where there is no code, and never of a `ProgrammingError`,
whose text quotes the statement: a column may be called "closed".
"""

import re
from collections.abc import Iterator
from typing import Any

from pingpool.database import Meaning
from pingpool.databases.mysql import traits as mysql
from pingpool.databases.postgres import roles as postgres
from pingpool.databases.postgres.words import CONNECTION_TROUBLE
from pingpool.errors import causes

LOST_STATES = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "01002"})
"""SQLSTATEs after which there is no session: these, and those of the class `CONNECTION_TROUBLE`."""

SAYS_NOTHING = ("HY000", "00000")
"""SQLSTATEs that stand for any error at all."""

LOST_NUMBERS = frozenset(
    {
        *mysql.LOST,
        *(20002, 20003, 20004, 20006, 20047),  # DB-Library: pymssql
        *(390111, 390112, 390114, 390195),  # Snowflake: its session, or its token, has expired
        *(-10108, -10709, -10807, -10821),  # SAP HANA
        *(335544721, 335544726, 335544727, 335544741, 335544856),  # Firebird
    }
)

LOST_NAMES = frozenset(
    {
        *("ORA-00028", "ORA-01012", "ORA-01033", "ORA-01034", "ORA-01089", "ORA-01092", "ORA-02396", "ORA-02399"),
        *("ORA-03113", "ORA-03114", "ORA-03135", "ORA-12153", "ORA-12537", "ORA-12547", "ORA-12570", "ORA-12583"),
        *("ORA-25408", "DPY-1001", "DPY-4011", "DPI-1010", "DPI-1080"),
        *("SQL30081N", "SQL30108N", "SQL1224N", "CLI0106E", "CLI0108E"),  # Db2
    }
)
WRONG_NODE_NAMES = frozenset({"ORA-16000"})
NAMES = re.compile(r"\b(?:ORA|DPY|DPI)-\d{4,5}\b|\bSQL\d{4,5}N\b|\bCLI\d{4}E\b")
"""Codes that stand within the text."""

NO_SUCH_FUNCTION = "42883"

STATE = re.compile(r"[0-9A-Z]{5}")
STATE_IN_TEXT = re.compile(r"SQLSTATE[ =:]+([0-9A-Z]{5})")

SENTENCES = frozenset({"Cannot operate on a closed database."})
"""Whole texts of a `ProgrammingError` that mean it all the same; this is sqlite3's."""

WORDS = re.compile(
    r"gone away|lost connection|connection (was )?lost|broken pipe|connection reset|not connected|no connection"
    r"|\bterminat(ed|ing)\b|server has disconnected|end-of-file|eof detected|dbprocess is dead|network error"
    r"|communication (error|link failure)|connection timed out|(receive data from|send data to) server"
    r"|connection not available|no message from the libpq"
    r"|(connection|socket)( is| was| has been)?( already)? closed|closed the connection|closed (connection|database)",
    re.IGNORECASE,
)

ANCESTORS = frozenset({"Error", "DatabaseError", "InterfaceError", "OperationalError"})
"""The names of a driver's classes of errors, at least one of which is behind each of them."""
NEVER_BY_WORDS = frozenset({"ProgrammingError", "DataError", "IntegrityError", "NotSupportedError"})

NOTHING_OPEN = re.compile(
    r"no (active )?transaction|transaction is not active|no corresponding BEGIN TRANSACTION", re.IGNORECASE
)
"""What drivers and servers say where there is nothing to end; the last is SQL Server's."""


def meaning_of(error: BaseException, own: tuple[type[BaseException], ...]) -> Meaning:
    """Return what an error means, or whatever caused it; `own` are the driver's classes, whose words count."""
    return next((meaning for each in causes(error) if (meaning := _by_itself(each, own))), Meaning.UNKNOWN)


def _by_itself(error: BaseException, own: tuple[type[BaseException], ...]) -> Meaning | None:
    """Return what an error means; None if it says nothing of a connection."""
    if isinstance(error, ConnectionRefusedError):
        return Meaning.UNREACHABLE
    if isinstance(error, ConnectionError) or _is_closed(error):
        return Meaning.LOST
    if ANCESTORS.isdisjoint(kind.__name__ for kind in type(error).__mro__):
        return None
    codes = [*_codes_of(error)]
    if codes:
        return _by_code(codes, error)
    return Meaning.LOST if isinstance(error, own) and _reads_lost(error) else None


def _is_closed(error: BaseException) -> bool:
    """Is the connection closed from which the error came, if it tells that?"""
    connection = getattr(getattr(error, "cursor", None), "connection", None)
    closed = getattr(connection, "closed", False)
    return isinstance(closed, int) and bool(closed)


def _codes_of(error: BaseException) -> Iterator[str | int]:
    """Yield the codes that an error carries, wherever its driver puts them, but for those that say nothing."""
    first: Any = error.args[0] if error.args else None
    in_text = STATE_IN_TEXT.search(str(error))
    states: list[Any] = [getattr(error, "sqlstate", None), getattr(error, "pgcode", None), in_text and in_text[1]]
    states.append(first.get("C") if hasattr(first, "get") else first)  # pg8000; pyodbc
    for state in states:
        if isinstance(state, str) and STATE.fullmatch(state) and state not in SAYS_NOTHING:
            yield state
    for number in (getattr(error, "errno", None), first):
        if isinstance(number, int) and number not in (0, -1):
            yield number
    yield from NAMES.findall(str(error))


def _by_code(codes: list[str | int], error: BaseException) -> Meaning:
    """Return what an error with these codes means."""
    said = str(error)
    for code in codes:
        if isinstance(code, int):
            if mysql.is_from_a_wrong_node(code, error):
                return Meaning.MISPLACED
            if code in LOST_NUMBERS:
                return Meaning.LOST
        elif code in WRONG_NODE_NAMES or postgres.is_from_a_wrong_node(code, said):
            return Meaning.MISPLACED
        elif code in LOST_STATES | LOST_NAMES or code.startswith(CONNECTION_TROUBLE):
            return Meaning.LOST
    return Meaning.UNKNOWN


def _reads_lost(error: BaseException) -> bool:
    """Does an error without a code read like the loss of a connection?"""
    if any(kind.__name__ in NEVER_BY_WORDS for kind in type(error).__mro__):
        return str(error) in SENTENCES
    return WORDS.search(str(error)) is not None


def says_no_such_function(error: BaseException) -> bool:
    """Did the server not know what it was asked to do, as one that is only akin to PostgreSQL?"""
    return NO_SUCH_FUNCTION in _codes_of(error)


def says_nothing_open(error: BaseException) -> bool:
    """Did a rollback fail only because no transaction was open?"""
    return NOTHING_OPEN.search(str(error)) is not None
