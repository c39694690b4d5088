"""Lines to an FTP server: pyftpdlib's."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

import pingpool
from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.proxy import FaultProxy
from tests.sessions.recipes import recipe, stands, tells_of_a_wrong_password
from tests.sessions.servers import folder_for, running

pytestmark = pytest.mark.server

LINES = 20_000
"""How long the file is: more than a socket holds."""


@pytest.fixture
def ftp() -> Iterator[tuple[Any, FaultProxy]]:
    """The recipe for FTP, and the network to its server, which has a folder and a file."""
    if find_spec("pyftpdlib") is None:
        pytest.skip("pyftpdlib is missing: pip install 'pingpool[sessions]'")
    port = free_port()
    with folder_for("ftp") as folder:
        (folder / "orders").mkdir()
        (folder / "stock").write_text("tea\n" * LINES)
        command = [sys.executable, "-m", "pyftpdlib", "-i", LOOPBACK, "-p", str(port)]
        command += ["-u", "shop", "-P", "secret", "-d", str(folder)]
        with running(command, folder, port), FaultProxy(LOOPBACK, port) as proxy:
            yield recipe("files", there(proxy)), proxy


def there(proxy: FaultProxy) -> dict[str, str]:
    """Return what stands in place of the address."""
    return {'"files.example", 21': f'"{LOOPBACK}", {proxy.port}'}


def read(line: Any) -> None:
    """Fetch the file."""
    lines: list[str] = []
    line.retrlines("RETR stock", lines.append)
    assert lines == ["tea"] * LINES


def test_ftp(ftp: tuple[Any, FaultProxy]) -> None:
    """A file is fetched."""
    files, proxy = ftp
    stands(files, proxy, read)


def test_ftp_with_a_wrong_password(ftp: tuple[Any, FaultProxy]) -> None:
    """Whoever waits is told at once."""
    tells_of_a_wrong_password(recipe("files", {**there(ftp[1]), '"shop", "secret"': '"shop", "a guess"'}))


def test_a_folder_is_left(ftp: tuple[Any, FaultProxy]) -> None:
    """Whoever gets the line next begins at the top; the line is the same."""
    with pingpool.open(ftp[0], size=1) as pool:
        with pool.session() as line:
            line.cwd("orders")
        with pool.session() as again:
            assert again is line
            assert again.pwd() == "/"


def test_a_transfer_that_was_left_does_not_reach_the_next(ftp: tuple[Any, FaultProxy]) -> None:
    """Who stops reading in the midst of a file discards the line, on which an answer is still to come."""
    with pingpool.open(ftp[0], size=1) as pool:
        with pool.session() as line:
            line.transfercmd("RETR stock").close()
            pool.discard(line)
        with pool.session() as another:
            assert another.pwd() == "/"
            read(another)
        assert pool.stats().replaced == {"discarded": 1}


def test_an_answer_to_something_else_proves_nothing(ftp: tuple[Any, FaultProxy]) -> None:
    """A line whose answers are late by one is replaced when it is proven."""
    with pingpool.open(ftp[0], size=1, ping_interval=0) as pool:
        with pool.session() as line:
            line.putcmd("PWD")
            assert line.sendcmd("NOOP").startswith("257")  # that is where it is, and "200" is still to come
        with pool.session() as another:
            assert another is not line
            assert another.pwd() == "/"
