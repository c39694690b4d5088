"""What the pages say is true: each block of Python runs as it is printed, and each link leads somewhere."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pingpool.testing.servers import MariaDBServer, PostgresServer, ValkeyServer
from tests.docs.pages import PAGES, ROOT, blocks_of, is_like, links_of, run_blocks

FRAGMENTS = {"docs/own-database.md": "def meaning_of(self, error):"}
"""How a block begins that is a part of a class, and cannot run alone: `examples/own_database.py` has it whole."""

OF_ITS_OWN = {"docs/django.md": "tests.docs.django_page", "docs/sentry.md": "tests.docs.sentry_page"}
"""The pages whose blocks run in a process of their own, and what runs them there."""

NEEDED = {
    "docs/django.md": ("django",),
    "docs/fastapi.md": ("fastapi",),
    "docs/flask.md": ("flask",),
    "docs/frameworks.md": ("litestar", "aiohttp"),
    "docs/metrics.md": ("opentelemetry.metrics", "prometheus_client"),
    "docs/sentry.md": ("sentry_sdk", "structlog"),
    "docs/sessions.md": ("ldap3", "asyncssh", "pika"),
}
"""What the blocks of a page import that is no driver: `pingpool[plugins]` has it."""

TAKEN_FOR_GRANTED = {
    "__name__": "__main__",
    "read_secret": lambda: "",
    "Line": object,
    "HungUp": OSError,
}
"""The names that the pages use without a word; frameworks look up the module of what they are given."""

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture
def stand_ins(postgres_server: PostgresServer, mariadb_server: MariaDBServer, valkey_server: ValkeyServer) -> Any:
    """What is written in place of the addresses of the pages."""
    postgres, mariadb, valkey = postgres_server, mariadb_server, valkey_server
    postgres.execute("CREATE TABLE IF NOT EXISTS orders (id serial, item text)")
    return {
        "postgresql://shop@db/shop": postgres.url,
        **{
            f"postgresql+{driver}://shop@db/shop": postgres.url.replace("postgresql:", f"postgresql+{driver}:")
            for driver in ("psycopg", "asyncpg")
        },
        "asyncpg://shop@db/shop": postgres.url.replace("postgresql:", "asyncpg:"),
        "postgresql://db/shop": postgres.url,
        "host=db dbname=shop": f"host={postgres.host} port={postgres.port} user=postgres dbname=postgres",
        "mysql://shop@db/shop": mariadb.url,
        '"db", user="shop"': f'"{mariadb.host}", port={mariadb.port}, user="root"',
        'host="db", user="shop"': f'host="{mariadb.host}", port={mariadb.port}, user="root"',
        'database="shop"': 'database="test"',
        "redis://cache/0": valkey.url,
        '"NAME": "shop"': '"NAME": "postgres"',
        '"USER": "shop"': '"USER": "postgres"',
        '"HOST": "db"': f'"HOST": "{postgres.host}", "PORT": {postgres.port}',
    }


@pytest.mark.server
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)])
def test_each_block_of_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_ins: dict[str, str]
) -> None:
    """A page is read from top to bottom: each block may use what those before it have made, and prints what it says."""
    for package in NEEDED.get(page, ()):
        reason = f"the blocks of {page} need it: pip install 'pingpool[plugins]'"
        if page not in OF_ITS_OWN:
            pytest.importorskip(package, reason=reason)
        elif find_spec(package) is None:  # not imported here: some change the whole process
            pytest.skip(reason)
    monkeypatch.chdir(tmp_path)
    if page in OF_ITS_OWN:
        command = [sys.executable, "-m", OF_ITS_OWN[page], page, json.dumps(stand_ins)]
        paths = os.pathsep.join([str(ROOT), *sys.path])
        ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return
    whole = [block for block in blocks_of(page) if not block.code.startswith(FRAGMENTS.get(page, "\0"))]
    run_blocks(whole, dict(TAKEN_FOR_GRANTED), stand_ins)


def test_what_a_block_prints_is_compared() -> None:
    """Every word counts, but not where a line is broken, nor what a `…` stands for."""
    assert is_like("waited 0.1003 s\nfor (1,)\n", "waited … s for\n(1,)\n")
    assert not is_like("waited 0.1003 s for (2,)", "waited … s for (1,)")
    assert not is_like("", "(1,)")


@pytest.mark.parametrize("page", PAGES)
def test_each_link_of_a_page_leads_somewhere(page: str) -> None:
    """A link within the repository names a file that is there, and a heading that is in it."""
    for link in links_of(page):
        target, _, heading = link.partition("#")
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{target} is not there"
        assert not heading or heading in anchors_of(file), f"{target} has no heading {heading}"


def anchors_of(file: Path) -> set[str]:
    """Return what links to the headings of a page are called."""
    titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
