"""Where the commands find a password that does not stand in the URL."""

import pytest

from pingpool.cli.passwords import completed


@pytest.mark.parametrize(
    ("url", "variable", "whole"),
    [
        ("mysql://u@h/d?ssl=true", "MYSQL_PWD", "mysql://u:s%2Fx@h/d?ssl=true"),
        ("redis://h:1/0", "REDISCLI_AUTH", "redis://:s%2Fx@h:1/0"),
        ("valkeys://u@h/0", "VALKEYCLI_AUTH", "valkeys://u:s%2Fx@h/0"),
        ("mysql://u:own@h/d", "MYSQL_PWD", "mysql://u:own@h/d"),
        ("postgresql://u@h/d", "PGPASSWORD", "postgresql://u@h/d"),
        ("mysql://[", "MYSQL_PWD", "mysql://["),
    ],
)
def test_a_password_is_taken_from_the_drivers_place(
    monkeypatch: pytest.MonkeyPatch, url: str, variable: str, whole: str
) -> None:
    """Each scheme has its variable; a password in the URL counts first, and libpq finds its own."""
    monkeypatch.setenv(variable, "s/x")
    assert completed(url) == whole
