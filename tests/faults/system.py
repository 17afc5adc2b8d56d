"""The real web server, workers and schedules on a test's own database, as `make run` starts them."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from config.environment import BASE_DIR
from config.serve import HOST, WORKER, commands, is_ready
from tests.faults.addresses import broker_database, of_this_database

ALL = ("web", "worker", "schedule")
# Not the broker's database that the other tests share.
OWN_QUEUE = "9"
STOPS_WITHIN = 30


@contextmanager
def running(parts: Sequence[str] = ALL) -> Iterator[str]:
    """Start them; yields the address of the web server once it answers."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    environment = {"REDIS_URL": broker_database(OWN_QUEUE), "BASE_URL": url}
    started = [start(command, environment) for part, command in commands(port).items() if part in parts]
    try:
        deadline = time.monotonic() + 60
        while "schedule" in parts and not is_ready(url):
            assert time.monotonic() < deadline, "not ready after a minute"
            time.sleep(0.1)
        yield url
    finally:
        stop(started)


def start(command: str, environment: dict[str, str], log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """One of `commands`, the leader of a group of processes."""
    program, *arguments = shlex.split(command)
    return subprocess.Popen(
        [Path(sys.executable).parent / program, *arguments],
        cwd=BASE_DIR,
        env={**os.environ, **WORKER, **of_this_database(), **environment},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def stop(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
    for process in started:
        process.wait(timeout=STOPS_WITHIN)


def kill(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started: nobody has the time to clean up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=STOPS_WITHIN)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
