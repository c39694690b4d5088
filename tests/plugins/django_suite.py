"""Django's own tests of its backends, transactions and test runner, on the engines of pingpool.

    python -m tests.plugins.django_suite [postgresql] [mysql] [sqlite3]

They come from Django's source distribution, by pip, and stay in a folder that is removed. Where that, or a server,
cannot be had, it is said and nothing fails. Each test that does not pass has to be in `DIFFERENCES`, and each that is
there has to fail.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import django

from pingpool.testing.servers import MariaDBServer, PostgresServer, ServerMissing
from tests.plugins.django_project import at
from tests.plugins.postgis import POSTGIS_MISSING, programs_with_postgis

LABELS = ("backends", "transactions", "transaction_hooks", "test_runner")
GIS = [f"gis_tests.{each}" for each in ("distapp", "geo3d", "geoapp", "geogapp", "gis_migrations", "inspectapp")]
GIS += [f"gis_tests.{each}" for each in ("layermap", "rasterapp", "relatedapp")]
"""Those of GeoDjango that ask a database."""

PERSISTENT = "CONN_MAX_AGE keeps no connection in a thread: it goes back at the end of each request"
THEIR_POOL = 'OPTIONS["pool"] is refused: it is another pool'
SET_UP_BEFORE = "a connection is set up once, when it is opened, and not by each who has it"
PROMPT = "asks at a prompt, as the test database is a file: with Django's own engine, too"

BY_PYMYSQL = "PyMySQL writes these values otherwise than mysqlclient: with Django's own engine, too"
IN_A_PROCESS = "runs a process in which nothing stands for mysqlclient: with Django's own engine, too"

HEALTH = "backends.base.test_base.ConnectionHealthChecksTests."
POOLING = "backends.postgresql.tests.Tests."
DEBUG_SQL = "test_runner.test_debug_sql.TestDebugSQL."

HEALTH_CHECKS = {
    HEALTH + "test_health_checks_disabled": PERSISTENT,
    HEALTH + "test_health_checks_enabled": PERSISTENT,
    HEALTH + "test_health_checks_enabled_errors_occurred": PERSISTENT,
    HEALTH + "test_set_autocommit_health_checks_enabled": PERSISTENT,
}

ON_THE_LINE = "test_runner.tests.CustomTestRunnerOptionsCmdlineTests."
IN_SETTINGS = "test_runner.tests.CustomTestRunnerOptionsSettingsTests."

WITHOUT_MYSQLCLIENT = {
    "backends.mysql.test_schema.SchemaEditorTests.test_quote_value": BY_PYMYSQL,
    ON_THE_LINE + "test_no_testrunner": IN_A_PROCESS,
    ON_THE_LINE + "test_testrunner_equals": IN_A_PROCESS,
    ON_THE_LINE + "test_testrunner_option": IN_A_PROCESS,
    IN_SETTINGS + "test_all_options_given": IN_A_PROCESS,
    IN_SETTINGS + "test_default_and_given_options": IN_A_PROCESS,
    IN_SETTINGS + "test_default_options": IN_A_PROCESS,
    IN_SETTINGS + "test_option_name_and_value_separated": IN_A_PROCESS,
    "test_runner.tests.Ticket17477RegressionTests.test_ticket_17477": IN_A_PROCESS,
}

DIFFERENCES: dict[str, dict[str, str]] = {
    "postgresql": {
        **HEALTH_CHECKS,
        POOLING + "test_connect_pool": THEIR_POOL,
        POOLING + "test_connect_pool_set_to_true": THEIR_POOL,
        POOLING + "test_connect_pool_with_timezone": THEIR_POOL,
        POOLING + "test_pool_check_can_be_overridden": THEIR_POOL,
        POOLING + "test_pool_options_not_mutated": THEIR_POOL,
        POOLING + "test_pooling_health_checks": THEIR_POOL,
        POOLING + "test_pooling_not_support_persistent_connections": THEIR_POOL,
    },
    "mysql": {
        **HEALTH_CHECKS,
        "backends.mysql.tests.IsolationLevelTests.test_auto_is_null_auto_config": SET_UP_BEFORE,
        **({} if find_spec("MySQLdb") else WITHOUT_MYSQLCLIENT),
    },
    "sqlite3": {
        DEBUG_SQL + "test_output_normal": PROMPT,
        DEBUG_SQL + "test_output_verbose": PROMPT,
        DEBUG_SQL + "test_setupclass_exception": PROMPT,
    },
    "postgis": {},
}
"""The tests that do not pass, by engine, and why. Not every version of Django has all of them."""

SETTINGS = """
DATABASES = {databases!r}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "for tests"
USE_TZ = False
"""

TESTS = re.compile(r"^\w+ \(([\w.]+)\)", re.MULTILINE)
FAILED = re.compile(r"^(?:FAIL|ERROR): \w+ \(([\w.]+)\)", re.MULTILINE)
RAN = re.compile(r"^Ran (\d+) tests", re.MULTILINE)


def main() -> int:
    """Run the tests on each engine that is asked for, and say what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.plugins.django_suite", description=__doc__)
    parser.add_argument("engines", nargs="*", choices=[*DIFFERENCES, []], metavar="ENGINE", help="all if none")
    asked = parser.parse_args().engines or DIFFERENCES
    with tempfile.TemporaryDirectory() as folder:
        sources = unpacked(Path(folder))
        if sources is None:
            say("skipped: Django's source distribution cannot be had here")
            return 0
        return max([run(engine, sources) for engine in asked])


def unpacked(folder: Path) -> Path | None:
    """Return the tests of the Django that is installed; None if they cannot be had."""
    fetch = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
    fetched = subprocess.run([sys.executable, "-m", "pip", *fetch, f"django=={django.__version__}"], check=False)
    found = next(folder.glob("*.tar.gz"), None)
    if fetched.returncode or found is None:
        return None
    with tarfile.open(found) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/tests"))


def run(engine: str, sources: Path) -> int:
    """Run the tests on one engine; return 1 if they do not differ as they should."""
    try:
        with databases_of(engine, sources.parent) as databases:
            (sources / f"settings_{engine}.py").write_text(SETTINGS.format(databases=databases))
            command = [sys.executable, "-W", "ignore", str(sources / "runtests.py")]
            options = [f"--settings=settings_{engine}", "--parallel=1", "--noinput", "--verbosity=2"]
            ended = subprocess.run(
                [*command, *options, *(GIS if engine == "postgis" else LABELS)],
                env=environment(sources, with_mysql=engine == "mysql" and not find_spec("MySQLdb")),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
    except ServerMissing as missing:
        say(f"{engine}: skipped: {missing}")
        return 0
    return told(engine, ended.stderr + ended.stdout)


def environment(folder: Path, *, with_mysql: bool) -> dict[str, str]:
    """Return one in which pingpool is found; if asked for, one where PyMySQL stands for mysqlclient everywhere."""
    if with_mysql:
        (folder / "sitecustomize.py").write_text("from tests.plugins.mysqldb import have_mysql\n\nhave_mysql()\n")
    else:
        (folder / "sitecustomize.py").unlink(missing_ok=True)
    modules = (str(folder), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, modules))}


@contextmanager
def databases_of(engine: str, folder: Path) -> Iterator[dict[str, object]]:
    """Start a server, and yield the settings for two databases there."""
    names = {"default": "shop", "other": "shop_too"}
    kind = f"pingpool.plugins.django.{engine}"
    if engine == "sqlite3":  # one in memory would not be pooled
        files = {alias: str(folder / f"{name}.db") for alias, name in names.items()}
        yield {alias: {"ENGINE": kind, "NAME": file, "TEST": {"NAME": file}} for alias, file in files.items()}
        return
    unicode = {"character-set-server": "utf8mb4"}
    with MariaDBServer(settings=unicode) if engine == "mysql" else postgres_for(engine) as server:
        yield {alias: {**at(server), "ENGINE": kind, "NAME": name} for alias, name in names.items()}


def postgres_for(engine: str) -> PostgresServer:
    """Return a PostgreSQL that can serve the engine. Raises `ServerMissing`."""
    if engine == "postgresql":
        return PostgresServer()
    programs = programs_with_postgis()
    if programs is None:
        raise ServerMissing(POSTGIS_MISSING)
    return PostgresServer(programs=programs)


def told(engine: str, output: str) -> int:
    """Say which tests differ; return 1 if they are others than are known."""
    ran, known = RAN.search(output), DIFFERENCES[engine]
    if ran is None:
        say(f"{engine}: did not run\n{output}")
        return 1
    failed = {*FAILED.findall(output)}
    say(f"{engine}: Django {django.__version__}: ran {ran[1]} tests; {len(failed)} differ")
    for name in sorted(failed & known.keys()):
        say(f"  {name}: {known[name]}")
    passing = {*TESTS.findall(output)} & known.keys() - failed
    for name in sorted(passing):
        say(f"  {name}: passes, and is listed among those that do not")
    others = failed - known.keys()
    if others:
        say(f"{output}\nThese differ, and nobody knows why: {', '.join(sorted(others))}")
    return 1 if passing or others else 0


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
