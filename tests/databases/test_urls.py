"""What a URL may not say, and how that is said: never with a piece of a password."""

import pytest

import pingpool
from pingpool.errors import BadURL
from pingpool.schemes import database_of

SCHEMES = ("mysql", "redis", "valkey")


@pytest.mark.parametrize("scheme", [*SCHEMES, "postgresql"])
@pytest.mark.parametrize("password", ["s3cr/et", "s3cr#et", "s3cr?et", "12/s3cr", "12#s3cr", "12?s3cr", "s3[cr"])
def test_a_letter_that_ends_a_password_is_explained_and_nothing_of_it_is_quoted(scheme: str, password: str) -> None:
    """A slash and the like within a password end it there: the error says how to write them, and quotes no piece."""
    if scheme == "postgresql" and password != "s3cr/et":
        pytest.skip("libpq reads a URL in its own way")
    with pytest.raises(BadURL, match="%2F") as raised:
        pingpool.open(f"{scheme}://root:{password}@localhost/0", size=1)
    said = str(raised.value)
    assert not any(piece in said for piece in ("s3cr", "s3[", "cr@", "et@", "12"))
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["mysql", "redis"])
def test_an_at_sign_in_a_password_is_harmless(scheme: str) -> None:
    """The last one separates the password from the host."""
    assert "host='host'" in repr(database_of(f"{scheme}://u:p@ssw0rd@host"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://h/0?ssl=true", "rediss://"),
        ("redis://h/0?path=/tmp/s", r"redis\+unix://"),
        ("redis://h/0?driver=valkey", "valkey://"),
        ("redis://h?db=1", "before the question mark"),
        ("mysql://h?connect=x", "an object"),
        ("mysql://h?host=x", "before the question mark"),
        ("mysql://h:70000", "a port is a number from 1 to 65535"),
        ("mysql://h:0", "a port is a number from 1 to 65535"),
        ("redis://h:-1", "a port is a number from 1 to 65535"),
    ],
)
def test_what_is_said_elsewhere_in_a_url_is_named(url: str, says: str) -> None:
    """An option that a URL expresses in another way is refused with that way."""
    with pytest.raises(BadURL, match=says):
        pingpool.open(url, size=1)
