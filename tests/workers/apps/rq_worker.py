"""An RQ worker that imports its jobs, and so makes their pool, before it forks for each of them."""

import os

import jobs  # noqa: F401 (the pool is made here, in the parent)
from redis import Redis
from rq import Queue, Worker

connection = Redis.from_url(os.environ["BROKER_URL"])
Worker([Queue(connection=connection)], connection=connection).work()
