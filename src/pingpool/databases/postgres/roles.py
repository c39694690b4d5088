"""How a PostgreSQL server tells that it takes no writes: asked, or by an error."""

ASK_FOR_ROLE = "SHOW transaction_read_only"
"""A statement that opens no transaction, which every version and every pooler in between answers truly."""

TAKES_WRITES = "off"
"""The answer of a node that does."""

OF_A_PRIMARY = ("read-write", "primary")
"""The `target_session_attrs` that no standby has."""

READ_ONLY = "25006"
ALSO_OF_OTHER_CAUSES = ("0A000", "55000")
STANDBY = ("hot standby", "during recovery", "recovery is in progress")
"""What stands in an error of those codes if its cause is that the node is a standby."""


def is_from_a_wrong_node(sqlstate: str, said: str) -> bool:
    """Does an error say that the node takes no writes?"""
    return sqlstate == READ_ONLY or (sqlstate in ALSO_OF_OTHER_CAUSES and any(word in said for word in STANDBY))
