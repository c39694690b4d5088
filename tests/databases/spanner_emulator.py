"""Google's own emulator of Cloud Spanner, started for a test.

It is that of the Google Cloud CLI (`gcloud components install cloud-spanner-emulator`, or the Debian package
`google-cloud-cli-spanner-emulator`). Without it a test is skipped.
"""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import grpc
import pytest

from pingpool.databases.spanner.url import client_of
from pingpool.testing.ports import free_port

CONFIG = "projects/p/instanceConfigs/emulator-config"


@cache
def emulator_program() -> Path | None:
    """The emulator of the Google Cloud CLI, if it is installed."""
    if not shutil.which("gcloud"):
        return None
    asked = ["gcloud", "info", "--format=value(installation.sdk_root)"]
    root = subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout.strip()
    program = Path(root, "bin", "cloud_spanner_emulator", "emulator_main")
    return program if program.exists() else None


@contextmanager
def an_emulator(ddl: list[str]) -> Generator[str]:
    """Host and port of an emulator with a database `shop` in the instance `mall` of the project `p`."""
    program = emulator_program()
    if program is None:
        pytest.skip("Google's Spanner emulator is not installed: gcloud components install cloud-spanner-emulator")
    address = f"127.0.0.1:{free_port()}"
    running = subprocess.Popen([program, "--host_port", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(20)
        instance = client_of("p", address).instance("mall", CONFIG, node_count=1)
        instance.create().result(20)
        instance.database("shop", ddl_statements=ddl).create().result(20)
        yield address
    finally:
        running.terminate()
        running.wait(10)
