"""The real web server, worker and schedule on a test's own database, as `make run` starts them."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from config.environment import BASE_DIR
from config.serve import HOST, WORKER, commands, is_ready

ALL = ("web", "worker", "schedule")
# Not the broker's database that the other tests share.
OWN_QUEUE = "9"


@contextmanager
def running(parts: Sequence[str] = ALL) -> Iterator[str]:
    """Start them; yields the address of the web server once it answers."""
    port = _free_port()
    url = f"http://{HOST}:{port}"
    environment = {**os.environ, **WORKER, **_this_database(), "BASE_URL": url}
    bin_folder = Path(sys.executable).parent
    started = [
        subprocess.Popen([bin_folder / command[0], *command[1:]], cwd=BASE_DIR, env=environment, start_new_session=True)
        for command in (shlex.split(commands(port)[part]) for part in parts)
    ]
    try:
        deadline = time.monotonic() + 60
        while "schedule" in parts and not is_ready(url):
            assert time.monotonic() < deadline, "not ready after a minute"
            time.sleep(0.1)
        yield url
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait(timeout=30)


def _this_database() -> dict[str, str]:
    name = connection.settings_dict["NAME"]
    urls = {
        variable: re.sub(r"/[^/?]+\?", f"/{name}?", os.environ[variable])
        for variable in ("DATABASE_URL", "MIGRATE_DATABASE_URL")
    }
    broker = re.sub(r"([?&]db=|/)\d*$", lambda found: f"{found[1]}{OWN_QUEUE}", os.environ["REDIS_URL"])
    return {**urls, "REDIS_URL": broker}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
