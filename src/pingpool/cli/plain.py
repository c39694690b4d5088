"""The demo for pipes, logs and small screens: one line a second."""

import time

from rich.console import Console

from pingpool.cli.accounts import ACCOUNTS
from pingpool.cli.scene import Scene


def print_lines(scene: Scene, console: Console) -> None:
    plan = scene.plan
    console.print(
        f"{plan.workers} workers, {plan.size} sessions, {ACCOUNTS} accounts, {plan.seconds:g} s, and a saboteur",
        soft_wrap=True,
    )
    second = 0
    while scene.left():
        second += 1
        time.sleep(max(0.0, min(second - scene.elapsed(), scene.left())))
        console.print(describe(scene), soft_wrap=True)


def describe(scene: Scene) -> str:
    stats = scene.stats()
    return (
        f"{scene.elapsed():5.1f} s  {len(scene.bank.notes.transfers):6,} transfers  "
        f"{scene.strikes().total():3} strikes  {sum(stats.replaced.values()):3} replaced  "
        f"{stats.pings:3} pings  | {stats}"
    )
