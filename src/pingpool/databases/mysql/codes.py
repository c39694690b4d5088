"""What the numbers mean that a MySQL or MariaDB server sends: of its errors, and the flags of its status."""

IN_TRANSACTION = 1
AUTOCOMMIT = 2
MORE_RESULTS = 8
"""The flags of the server's status, sent with each answer, that say so."""

LEFT_OPEN = IN_TRANSACTION | MORE_RESULTS
"""The flags of what one holder must not leave to the next."""

NO_SUCH_FUNCTION = 1305


def code_of(error: BaseException) -> int | None:
    """Return the number that MySQL, or its driver, gave the error; None for an error of anything else."""
    if not any(kind.__name__ == "Error" for kind in type(error).__mro__):
        return None
    code = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    return code if isinstance(code, int) else None


def said_by_server(error: BaseException) -> bool:
    """Did the server raise the error? The drivers' own have codes from 2000 to 2999, or below 1000."""
    code = code_of(error)
    return code is not None and code >= 1000 and not 2000 <= code < 3000
