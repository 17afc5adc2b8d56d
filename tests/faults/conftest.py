import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from config.environment import BASE_DIR
from tests.faults.addresses import of_this_database

KILLED = -9


@pytest.fixture(scope="session")
def victim(django_db_setup: None) -> Iterator[Callable[..., list[int]]]:
    """Another process on this test's database. Call it with orders (see `process.py`); it returns their exit codes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.process"],
        cwd=BASE_DIR,
        env={**os.environ, **of_this_database()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"

    def order(*orders: dict) -> list[int]:
        starts = time.time() + (0.2 if len(orders) > 1 else 0)
        process.stdin.write(json.dumps([{"starts": starts, **o} for o in orders], default=str) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield order
    process.stdin.close()
    process.wait(timeout=10)
