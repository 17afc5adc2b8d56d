"""Real workers and schedules, with a broker's database of their own for each test."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import redis

from config.celery import app, broker_url
from config.environment import BASE_DIR
from tests.faults.addresses import broker_database, of_this_database
from tests.faults.toy_jobs import TOLD

# Tests that run beside this one have another.
NUMBER = 10 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 6


class Line:
    """A broker of one test: what was sent to it, and what the toys told."""

    def __init__(self):
        self.url = broker_database(NUMBER)
        self.client = redis.Redis.from_url(self.url)
        self.client.flushdb()

    def send(self, name, job_id, **options):
        with app.connection_for_write(broker_url(self.url)) as to:
            app.send_task(name, kwargs={"job_id": str(job_id)}, connection=to, **options)

    def told(self):
        return [what.decode() for what in self.client.lrange(TOLD, 0, -1)]

    def waiting(self, task, queue="upkeep"):
        return sum(json.loads(each)["headers"]["task"] == task for each in self.client.lrange(queue, 0, -1))

    def until(self, found, patience=30):
        deadline = time.monotonic() + patience
        while not found():
            assert time.monotonic() < deadline, self.told()[-5:]
            time.sleep(0.05)

    def start(self, module, *command):
        celery = Path(sys.executable).parent / "celery"
        return subprocess.Popen(
            [celery, "--app", module, "--quiet", *command],
            cwd=BASE_DIR,
            env={**os.environ, **of_this_database(), "REDIS_URL": self.url, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @contextmanager
    def worker(self, *options):
        started = self.start(
            "tests.faults.toy_jobs", "worker", "--concurrency", "1", "--without-gossip", "--without-mingle", *options
        )
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(timeout=15)
            except subprocess.TimeoutExpired:
                # How a worker stops has tests of its own; here it only has to be gone.
                started.kill()
                started.wait(timeout=15)

    @contextmanager
    def schedules(self, count, *options):
        started = [self.start("tests.faults.toy_schedule", "beat", "--pidfile", "", *options) for _ in range(count)]
        try:
            yield started
        finally:
            for each in started:
                each.kill()
            for each in started:
                each.wait(timeout=10)
