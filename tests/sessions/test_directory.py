"""Lines to a directory: a real slapd."""

from collections.abc import Iterator
from typing import Any

import pytest

import pingpool
from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers.nobody import as_nobody_special
from pingpool.testing.servers.private import first_program
from tests.sessions.recipes import recipe, stands, tells_of_a_wrong_password
from tests.sessions.servers import folder_for, running

PROGRAM = first_program("slapd")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(PROGRAM is None, reason="there is no slapd: apt-get install slapd"),
]

ldap3 = pytest.importorskip("ldap3", reason="pip install 'pingpool[sessions]'")

SETTINGS = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=shop"
rootdn "cn=admin,dc=shop"
rootpw secret
directory {folder}
"""


@pytest.fixture
def ldap() -> Iterator[tuple[Any, FaultProxy]]:
    """The recipe for LDAP, and the network to its server, which has a person with a password."""
    port = free_port()
    with folder_for("ldap") as folder:
        (folder / "slapd.conf").write_text(SETTINGS.format(folder=folder))
        command = [*as_nobody_special(folder), str(PROGRAM), "-h", f"ldap://{LOOPBACK}:{port}", "-d", "0"]
        with running([*command, "-f", str(folder / "slapd.conf")], folder, port), FaultProxy(LOOPBACK, port) as proxy:
            yield recipe("directory", there(proxy)), proxy


def there(proxy: FaultProxy) -> dict[str, str]:
    """Return what stands in place of the address."""
    return {'"directory.example", 389': f'"{LOOPBACK}", {proxy.port}'}


def look_up(line: Any) -> None:
    """Ask who is asking."""
    assert line.extend.standard.who_am_i() == "dn:cn=admin,dc=shop"


def test_ldap(ldap: tuple[Any, FaultProxy]) -> None:
    """The directory is asked."""
    directory, proxy = ldap
    stands(directory, proxy, look_up)


def test_ldap_with_a_wrong_password(ldap: tuple[Any, FaultProxy]) -> None:
    """Whoever waits is told at once."""
    tells_of_a_wrong_password(recipe("directory", {**there(ldap[1]), '"secret"': '"a guess"'}))


def test_a_login_of_somebody_else_is_undone(ldap: tuple[Any, FaultProxy]) -> None:
    """A password is tried, as to log somebody in: whoever gets the line next is the one that it was opened for."""
    with pingpool.open(ldap[0], size=1) as pool:
        with pool.session() as line:
            assert not line.rebind("cn=somebody,dc=shop", "a guess")
        with pool.session() as again:
            assert again is line
            look_up(again)
