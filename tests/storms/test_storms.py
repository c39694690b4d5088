"""Nothing of one holder reaches the next, whenever he is cut off: a storm for each driver, in each world."""

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from pingpool.testing.servers import MariaDBServer
from pingpool.testing.skipping import skipped_if_missing
from tests.storms.labs import AMONG_THREADS, IN_ASYNCIO, PyODBC
from tests.storms.places import OnMariaDB

pytestmark = [pytest.mark.server, pytest.mark.proof]

CUTS = int(os.environ.get("PINGPOOL_CUTS", "15"))
"""How many cuts of each kind a storm has at least."""

SEED = os.environ.get("PINGPOOL_SEED", "1")

PATIENCE = 280.0 + 3 * CUTS
"""Seconds that a storm may take; only one that hangs does."""

STORMS = [("threads", driver) for driver in AMONG_THREADS] + [("tasks", driver) for driver in IN_ASYNCIO]

MODULES = {
    "mysql-connector": "mysql.connector",
    "redis-py": "redis",
    "spanner": "spannermockserver",
    "valkey-py": "valkey",
}
"""What has to be installed, where it has another name."""


@pytest.mark.timeout(PATIENCE + 10)
@pytest.mark.parametrize(("world", "driver"), STORMS)
def test_a_storm_hands_nothing_on(world: str, driver: str) -> None:
    """After PINGPOOL_CUTS cuts of each kind no answer or write is in wrong hands, nothing is lost, nothing runs on."""
    module = MODULES.get(driver, driver)
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    lab = (AMONG_THREADS if world == "threads" else IN_ASYNCIO)[driver]
    if issubclass(lab, PyODBC) and lab.DRIVER not in import_module(module).drivers():
        pytest.skip(f"there is no {lab.DRIVER} for ODBC")
    if issubclass(lab, OnMariaDB):
        with skipped_if_missing():
            MariaDBServer()
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", f"tests.storms.{world}", driver, str(CUTS), SEED],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"\n{world}, {driver}: {told}\n")
    assert told["faults"] == {}
    assert min(told["cuts"].values()) >= CUTS
