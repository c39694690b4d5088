"""A bank on Cloud Spanner whose sessions are deleted while it works: no money is lost, and hardly anybody notices.

    python examples/spanner_bank.py [SECONDS]

Runs on Google's emulator: the one that `SPANNER_EMULATOR_HOST` names, or one of its own, if the Google Cloud CLI has
it (`gcloud components install cloud-spanner-emulator`). Needs `pip install 'pingpool[spanner]'`.
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.spanner_v1 import Client, KeySet

from pingpool.databases.spanner import PingingPool

ACCOUNTS = 20
OPENING_BALANCE = 1000
TELLERS = 4
LABELS = {"app": "bank"}
VAULT = threading.Lock()
"""Transactions and deletions take turns, since the emulator crashes when it deletes a session in use."""

DDL = ["CREATE TABLE accounts (id INT64, balance INT64) PRIMARY KEY (id)"]

# Newer versions of the client use a pool only if they are told to.
for kind in ("", "_FOR_RW", "_PARTITIONED_OPS"):
    os.environ[f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{kind}"] = "false"


def main(seconds: float) -> int:
    """Open the bank, start tellers and saboteur, close it, and count the money."""
    with emulator() as address:
        os.environ["SPANNER_EMULATOR_HOST"] = address
        open_accounts()
        with PingingPool(size=TELLERS + 2, labels=LABELS, ping_interval=60) as pool:
            database = Client("demo").instance("bank").database("money", pool=pool)
            pool.keep_alive()
            seen: Counter[str] = Counter()
            closing = threading.Event()
            staff = [threading.Thread(target=serve, args=(database, seen, closing)) for _ in range(TELLERS)]
            staff.append(threading.Thread(target=sabotage, args=(seen, closing)))
            for thread in staff:
                thread.start()
            time.sleep(seconds)
            closing.set()
            for thread in staff:
                thread.join()
            balances = count_the_money(database)
            print(pool)
    is_well = sum(balances) == ACCOUNTS * OPENING_BALANCE and seen["lost"] <= seen["deleted"]
    print(f"{seen['transfers']} transfers, {seen['looks']} looks at an account")
    print(f"{seen['deleted']} sessions deleted behind the pool's back, {seen['lost']} of them noticed by a caller")
    print(f"{sum(balances)} in {len(balances)} accounts, as it should be: {is_well}")
    return 0 if is_well else 1


def serve(database, seen, closing):
    """Look at accounts, and sometimes move money."""
    while not closing.is_set():
        source, target = random.sample(range(ACCOUNTS), 2)
        try:
            if random.random() < 0.8:
                with database.snapshot() as snapshot:
                    list(snapshot.read("accounts", ["balance"], KeySet(keys=[[source]])))
                seen["looks"] += 1
            else:
                with VAULT:
                    database.run_in_transaction(move, source, target, random.randint(1, 50), timeout_secs=10)
                seen["transfers"] += 1
        except NotFound:  # our session was deleted, and nothing was changed
            seen["lost"] += 1


def move(transaction, source, target, amount):
    keys = KeySet(keys=[[source], [target]])
    balances = dict(transaction.read("accounts", ["id", "balance"], keys))
    transaction.update(
        "accounts", ["id", "balance"], [[source, balances[source] - amount], [target, balances[target] + amount]]
    )


def count_the_money(database):
    """Look at all accounts. The second attempt finds a living session, if the first met a deleted one."""
    try:
        with database.snapshot() as snapshot:
            return [row[0] for row in snapshot.read("accounts", ["balance"], KeySet(all_=True))]
    except NotFound:
        return count_the_money(database)


def sabotage(seen, closing):
    """Delete sessions behind the bank's back, by the admin's API: one at a time, sometimes all of them."""
    database = Client("demo").instance("bank").database("money")
    api = database.spanner_api
    while not closing.wait(0.2):
        sessions = list(api.list_sessions(request={"database": database.name, "filter": "labels.app:bank"}))
        for session in random.sample(sessions, min(len(sessions), random.choice([1, 1, 1, 1, len(sessions)]))):
            with VAULT:
                api.delete_session(name=session.name)
            seen["deleted"] += 1


def open_accounts():
    """Create the instance, the database and the accounts, or reset those of an earlier run."""
    instance = Client("demo").instance("bank", "projects/demo/instanceConfigs/emulator-config", node_count=1)
    database = instance.database("money", ddl_statements=DDL)
    for resource in (instance, database):
        try:
            resource.create().result(30)
        except AlreadyExists:
            continue
    pool = PingingPool(size=1)
    with pool, instance.database("money", pool=pool).batch() as batch:
        rows = [[account, OPENING_BALANCE] for account in range(ACCOUNTS)]
        batch.insert_or_update("accounts", ["id", "balance"], rows)


@contextmanager
def emulator() -> Generator[str]:
    """Use the emulator that is there, or run one for the length of the block."""
    if address := os.environ.get("SPANNER_EMULATOR_HOST"):
        yield address
        return
    address = f"127.0.0.1:{free_port()}"
    quiet = subprocess.DEVNULL
    running = subprocess.Popen([emulator_program(), "--host_port", address], stdout=quiet, stderr=quiet)
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(20)
        yield address
    finally:
        running.terminate()
        running.wait()


def emulator_program() -> Path:
    """Return the emulator of the Google Cloud CLI, or exit and say how to get it."""
    if shutil.which("gcloud"):
        ask = ["gcloud", "info", "--format=value(installation.sdk_root)"]
        root = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
        program = Path(root, "bin", "cloud_spanner_emulator", "emulator_main")
        if program.exists():
            return program
    sys.exit("no emulator: set SPANNER_EMULATOR_HOST, or run `gcloud components install cloud-spanner-emulator`")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
