"""A program around APScheduler: on SIGUSR1 it has sixteen jobs done, and on SIGTERM it ends.

It says when it is ready, and after each round what the jobs have returned, in a line of JSON.
"""

import json
import multiprocessing
import signal
import sys
from queue import SimpleQueue
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from jobs import pool


def executor_of(kind: str) -> Any:
    """Return what runs the jobs: four threads, or two processes that are made by this method."""
    if kind == "threads":
        return ThreadPoolExecutor(4)
    return ProcessPoolExecutor(2, {"mp_context": multiprocessing.get_context(kind)})


def main(kind: str) -> None:
    """Do what the signals say."""
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.put(number))
    ended: SimpleQueue[JobExecutionEvent] = SimpleQueue()
    scheduler = BackgroundScheduler(executors={"default": executor_of(kind)}, job_defaults={"misfire_grace_time": None})
    scheduler.add_listener(ended.put, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()
    print("ready", flush=True)  # noqa: T201
    while told.get() == signal.SIGUSR1:
        for _ in range(16):
            scheduler.add_job("jobs:note")
        answers = [ended.get() for _ in range(16)]
        print(json.dumps([each.retval or repr(each.exception) for each in answers]), flush=True)  # noqa: T201
    scheduler.shutdown()
    pool.close()


if __name__ == "__main__":
    main(sys.argv[1])
